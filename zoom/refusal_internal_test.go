package zoom

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
)

func TestMissingScopes(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"Invalid access token, does not contain scopes:[a:b, c:d].": {"a:b", "c:d"},
		"does not contain scopes: [a,b":                             {"a", "b"},
		"Invalid scope":                                             nil,
		"Validation Failed. [topic: too long]":                      nil,
		"scopes:[]":                                                 nil,
	}
	for message, want := range tests {
		if diff := cmp.Diff(want, missingScopes(message)); diff != "" && len(want)+len(missingScopes(message)) > 0 {
			t.Errorf("%s (-want +got):\n%s", message, diff)
		}
	}
}

// The secret is echoed, as a proxy might, and must not get into a log.
func FuzzErrorBody(f *testing.F) {
	const secret = "hunter2-client-secret"
	f.Add(400, "", []byte(`{"code":300,"message":"Validation Failed.","errors":[{"field":"topic","message":"?"}]}`))
	f.Add(429, "Daily-limit", []byte(`{"code":"429","error_message":"A maximum of 100 meetings"}`))
	f.Add(400, "", []byte(`{"code":4711,"message":"does not contain scopes:[a, b]"}`))
	f.Add(400, "", []byte(`{"error":"invalid_client","reason":"hunter2-client-secret"}`))
	f.Add(502, "", []byte(`<html>`))
	f.Add(401, "", []byte(`{"error":"invalid_request","reason":"Invalid Token! hunter2-client-secret"}`))
	source := newAppSource(ServerToServer("account", "client", secret).app, config{}, nil)
	app, err := NewOAuth("client", secret, "https://app.example.com/callback")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, kind string, body []byte) {
		answered := &http.Response{StatusCode: status, Header: http.Header{"X-Ratelimit-Type": {kind}}}
		for _, e := range []*Error{
			answerError(request{op: "get meeting"}, answered, body, secret),
			source.failed(&oauth2.RetrieveError{Response: answered, Body: body}),
			app.failed(request{op: "refresh token"}, &oauth2.RetrieveError{Response: answered, Body: body}, secret),
		} {
			text := e.Error()
			if len(e.Message) > 410 || strings.ContainsFunc(text, unicode.IsControl) {
				t.Errorf("not fit for a log: %q", text)
			}
			if strings.Contains(text, secret) {
				t.Errorf("the secret is in %q", text)
			}
			for _, scope := range e.Scopes {
				if scope == "" || strings.ContainsFunc(scope, unicode.IsSpace) {
					t.Errorf("scope %q", scope)
				}
			}
		}
	})
}

func FuzzMeetingAnswer(f *testing.F) {
	f.Add([]byte(`{"id":92674392836,"join_url":"https://zoom.us/j/9?pwd=PWD","start_url":"https://zoom.us/s/9?zak=ZAK",
		"settings":{"global_dial_in_numbers":[{"number":"+1 1000200200","city":null}]},"pmi":123}`))
	f.Add([]byte(`{"meetings":[{"id":"5"},null,7],"next_page_token":"x"}`))
	f.Add([]byte(`{"id":"1","settings":[],"tracking_fields":{},"duration":-1,"start_time":""}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := lenientjson.Parse(body)
		if err != nil {
			return
		}
		meeting := meetingFrom(o)
		if meeting.Duration < 0 {
			t.Errorf("duration %s", meeting.Duration)
		}
		if text := fmt.Sprintf("%+v", *meeting); text != meeting.String() {
			t.Errorf("prints as %s", text)
		}
		page, _, err := pageFrom(o)
		if err != nil && len(page) > 0 {
			t.Error("a list and an error")
		}
		for _, meeting := range page {
			if meeting.ID <= 0 {
				t.Error("a meeting without an id")
			}
		}
	})
}

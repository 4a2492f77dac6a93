package pagerdutytest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

// in is one of the two ways to the fake.
type in struct {
	name   string
	client *http.Client
	base   string
}

// bothWays are the memory and the socket of the fake.
func bothWays(t *testing.T, fake *pagerdutytest.Server) []in {
	t.Helper()
	t.Cleanup(fake.Close)
	socket := &http.Transport{}
	t.Cleanup(socket.CloseIdleConnections)
	return []in{
		{"memory", &http.Client{Transport: fake.Transport()}, "https://api.pagerduty.com"},
		{"socket", &http.Client{Transport: socket}, fake.URL()},
	}
}

// call makes a request with the fake's key and From and returns the answer with its JSON.
func (w in) call(ctx context.Context, fake *pagerdutytest.Server, method, path, body string) (*http.Response, any, error) {
	r, err := http.NewRequestWithContext(ctx, method, w.base+path, strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("Authorization", "Token token="+fake.Key())
	r.Header.Set("From", fake.From())
	resp, err := w.client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp, nil, err
	}
	var decoded any
	_ = json.Unmarshal(content, &decoded)
	return resp, decoded, nil
}

// at digs into decoded JSON.
func at(v any, path ...string) any {
	for _, name := range path {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	return v
}

func has(v any, name string) bool {
	object, _ := v.(map[string]any)
	_, ok := object[name]
	return ok
}

const bridgeWrite = `{"incident":{"type":"incident_reference","title":"ignored","conference_brigde":{},
	"conference_bridge":{"conference_number":"+1 202","conference_url":"https://a.example?a=b&c"}}}`

func TestBridgeIsToldOnlyToWhoAsks(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	for _, way := range bothWays(t, fake) {
		t.Run(way.name, func(t *testing.T) {
			id := fake.AddIncident("down")
			read := func(query string) any {
				_, body, err := way.call(t.Context(), fake, "GET", "/incidents/"+id+query, "")
				if err != nil {
					t.Fatal(err)
				}
				return at(body, "incident")
			}
			resp, body, err := way.call(t.Context(), fake, "PUT", "/incidents/"+id, bridgeWrite)
			if err != nil || resp.StatusCode != 200 {
				t.Fatalf("write: %v, %v", resp, err)
			}
			if has(at(body, "incident"), "conference_bridge") || at(body, "incident", "title") != "down" {
				t.Errorf("answer to the write %v, want no bridge and the old title", body)
			}
			if has(read(""), "conference_bridge") {
				t.Error("the bridge is told without being asked for")
			}
			want := map[string]any{"conference_number": "+1 202", "conference_url": "https://a.example?a=b&c"}
			for _, query := range []string{"?include[]=conference_bridge", "?include%5B%5D=conference_bridge"} {
				if diff := cmp.Diff(want, at(read(query), "conference_bridge")); diff != "" {
					t.Errorf("bridge (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestBridgeOfNobodyIsNullThenNulls(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down")
	way := bothWays(t, fake)[0]
	var got []any
	for range 3 {
		_, body, err := way.call(t.Context(), fake, "GET", "/incidents/"+id+"?include[]=conference_bridge", "")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, at(body, "incident", "conference_bridge"))
	}
	nulls := map[string]any{"conference_number": nil, "conference_url": nil}
	if diff := cmp.Diff([]any{nil, nulls, nil}, got); diff != "" {
		t.Errorf("bridges (-want +got):\n%s", diff)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	noAuth := func(r *http.Request) { r.Header.Set("Authorization", "Token token=other") }
	from := func(address string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("From", address) }
	}
	good := func(*http.Request) {}
	tests := []struct {
		name               string
		method, path, body string
		change             func(*http.Request)
		status, code       int
	}{
		{"other key", "GET", "/incidents/QINCIDENT0001", "", noAuth, 401, 2006},
		{"no such incident", "GET", "/incidents/QNONE", "", good, 404, 5001},
		{"no such number", "GET", "/incidents/77", "", good, 404, 5001},
		{"no such user", "GET", "/users/PNONE", "", good, 404, 2100},
		{"no such route", "GET", "/teams", "", good, 404, 2100},
		{"write without From", "PUT", "/incidents/QINCIDENT0001", bridgeWrite, from(""), 400, 2001},
		{"write from a stranger", "PUT", "/incidents/QINCIDENT0001", bridgeWrite, from("x@example.com"), 400, 1008},
		{"write from a stakeholder", "PUT", "/incidents/QINCIDENT0001", bridgeWrite, from("s@example.com"), 403, 1018},
		{"write by number", "PUT", "/incidents/1001", bridgeWrite, good, 404, 5001},
		{"write of no JSON", "PUT", "/incidents/QINCIDENT0001", `{`, good, 400, 2001},
		{"write without type", "PUT", "/incidents/QINCIDENT0001", `{"incident":{}}`, good, 400, 2001},
		{
			"write of null", "PUT", "/incidents/QINCIDENT0001",
			`{"incident":{"type":"incident","conference_bridge":{"conference_url":null}}}`, good, 400, 2001,
		},
		{
			"write of a star", "PUT", "/incidents/QINCIDENT0001",
			`{"incident":{"type":"incident","conference_bridge":{"conference_number":"1,,*2#"}}}`, good, 400, 2001,
		},
		{"empty note", "POST", "/incidents/QINCIDENT0001/notes", `{"note":{"content":""}}`, good, 400, 2001},
		{"note without From", "POST", "/incidents/QINCIDENT0001/notes", `{"note":{"content":"x"}}`, from(""), 400, 2001},
		{"users beyond the page", "GET", "/users?limit=101", "", good, 400, 2001},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fake := pagerdutytest.New(pagerdutytest.WithNumberCheck(pagerdutytest.NoStar))
			fake.AddUser("s@example.com", func(u *pagerdutytest.User) { u.Role = "read_only_user" })
			id := fake.AddIncident("down")
			way := bothWays(t, fake)[0]
			way.client.Transport = changing{fake.Transport(), tt.change}
			resp, body, err := way.call(t.Context(), fake, tt.method, tt.path, tt.body)
			if err != nil {
				t.Fatal(err)
			}
			if code := at(body, "error", "code"); resp.StatusCode != tt.status || code != float64(tt.code) {
				t.Errorf("answer %d with code %v, want %d with %d", resp.StatusCode, code, tt.status, tt.code)
			}
			state := fake.Incident(id)
			if state.Bridge != (pagerduty.ConferenceBridge{}) || len(state.Notes) > 0 {
				t.Errorf("a refused write took effect: %+v", state)
			}
		})
	}
}

// changing edits requests on their way.
type changing struct {
	next   http.RoundTripper
	change func(*http.Request)
}

func (c changing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	c.change(r)
	return c.next.RoundTrip(r)
}

func TestStatusThatIsSentAlongReopens(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down")
	fake.Resolve(id)
	way := bothWays(t, fake)[0]
	_, _, err := way.call(t.Context(), fake, "PUT", "/incidents/"+id, `{"incident":{"type":"incident","status":"triggered"}}`)
	if got := fake.Incident(id); err != nil || got.Status != "triggered" || !got.ResolvedAt.IsZero() {
		t.Errorf("incident %+v, %v; want it open again", got, err)
	}
}

func TestHalfABridgeLeavesTheOther(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down")
	fake.SetBridge(id, pagerduty.ConferenceBridge{URL: "https://old.example", DialIn: "1"})
	way := bothWays(t, fake)[0]
	_, _, err := way.call(t.Context(), fake, "PUT", "/incidents/"+id,
		`{"incident":{"type":"incident","conference_bridge":{"conference_number":""}}}`)
	want := pagerduty.ConferenceBridge{URL: "https://old.example"}
	if got := fake.Incident(id).Bridge; err != nil || got != want {
		t.Errorf("bridge %q %q, %v; want only the number gone", got.URL, got.DialIn, err)
	}
}

func TestEveryAnswerTellsTheRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := pagerdutytest.New(pagerdutytest.WithRateLimit(2))
		id := fake.AddIncident("down")
		way := in{"memory", &http.Client{Transport: fake.Transport()}, "https://api.pagerduty.com"}
		type told struct {
			status                  int
			limit, remaining, reset string
		}
		get := func(id string) told {
			resp, _, err := way.call(t.Context(), fake, "GET", "/incidents/"+id, "")
			if err != nil {
				t.Fatal(err)
			}
			h := resp.Header
			return told{resp.StatusCode, h.Get("ratelimit-limit"), h.Get("ratelimit-remaining"), h.Get("ratelimit-reset")}
		}
		var got []told
		got = append(got, get(id))
		time.Sleep(10 * time.Second)
		got = append(got, get("QNONE"), get(id))
		time.Sleep(50 * time.Second)
		got = append(got, get(id))
		want := []told{
			{200, "2", "1", "60"},
			{404, "2", "0", "50"},
			{429, "2", "0", "50"},
			{200, "2", "1", "60"},
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(told{})); diff != "" {
			t.Errorf("limits (-want +got):\n%s", diff)
		}
	})
}

func TestNotesAnswer200(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down")
	way := bothWays(t, fake)[0]
	resp, body, err := way.call(t.Context(), fake, "POST", "/incidents/"+id+"/notes", `{"note":{"content":"hi","x":1}}`)
	if err != nil || resp.StatusCode != 200 || at(body, "note", "content") != "hi" {
		t.Fatalf("answer %v %v, %v; want 200 with the note", resp, body, err)
	}
	_, body, err = way.call(t.Context(), fake, "GET", "/incidents/"+id+"/notes", "")
	notes, _ := at(body, "notes").([]any)
	if err != nil || len(notes) != 1 || at(notes[0], "user", "summary") != fake.From() {
		t.Errorf("notes %v, %v; want one by %s", body, err, fake.From())
	}
}

func TestAccountKeyIsNobody(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	resp, body, err := bothWays(t, fake)[0].call(t.Context(), fake, "GET", "/users/me", "")
	if text, _ := at(body, "error").(string); err != nil || resp.StatusCode != 400 || text == "" {
		t.Errorf("answer %v %v, %v; want 400 with a text for an error", resp, body, err)
	}
}

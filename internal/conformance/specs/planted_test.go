package specs_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/internal/conformance/specs"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// forger changes one text in what passes through it.
type forger struct {
	next               http.RoundTripper
	inRequest, inReply [2]string
}

// RoundTrip sends the request on, forged, and gives the forged answer back.
func (f forger) RoundTrip(r *http.Request) (*http.Response, error) {
	forged := r.Clone(r.Context())
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		forged.Body = replaced(body, f.inRequest)
		forged.ContentLength = -1
	}
	answer, err := f.next.RoundTrip(forged)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	answer.Body = replaced(body, f.inReply)
	return answer, err
}

func replaced(body []byte, change [2]string) io.ReadCloser {
	if change[0] != "" {
		body = bytes.Replace(body, []byte(change[0]), []byte(change[1]), 1)
	}
	return io.NopCloser(bytes.NewReader(body))
}

// The vendors' own documents find what is planted into true traffic.
func TestPlantedViolationsAreFoundByTheVendorsDocuments(t *testing.T) {
	t.Parallel()
	documents(t)
	tests := []struct {
		name string
		zoom bool
		forger
		want []string
	}{
		{name: "zoom as it is", zoom: true},
		{
			name: "zoom, a misspelt setting", zoom: true, forger: forger{inRequest: [2]string{"waiting_room", "waiting_rom"}},
			want: []string{"POST /users/{userId}/meetings: client: body.settings.waiting_rom: is not published"},
		},
		{
			name: "zoom, a type that is none", zoom: true, forger: forger{inRequest: [2]string{`"type":2`, `"type":77`}},
			want: []string{"POST /users/{userId}/meetings: client: body.type: value is not one of the allowed values [1,2,3,8,10]"},
		},
		{
			name: "zoom, an id as text", zoom: true, forger: forger{inReply: [2]string{`"duration":60`, `"duration":"60"`}},
			want: []string{"POST /users/{userId}/meetings: fake: body.duration: value must be an integer"},
		},
		{name: "pagerduty as it is"},
		{
			name: "pagerduty, a misspelt bridge", forger: forger{inRequest: [2]string{"conference_bridge", "conference_brigde"}},
			want: []string{"PUT /incidents/{id}: client: body.incident.conference_brigde: is not published"},
		},
		{
			name: "pagerduty, a type that is none", forger: forger{inRequest: [2]string{"incident_reference", "incident_ref"}},
			want: []string{
				`PUT /incidents/{id}: client: body.incident.type: value is not one of the allowed values ["incident","incident_reference"]`,
				"PUT /incidents/{id}: fake: status 400: status is not supported",
			},
		},
		{
			name: "pagerduty, a status that is none", forger: forger{inReply: [2]string{`"status":"triggered"`, `"status":"open"`}},
			want: []string{
				`PUT /incidents/{id}: fake: body.incident.status: value is not one of the allowed values ["triggered","acknowledged","resolved"]`,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var found []string
			report := func(v specs.Violation) { found = append(found, v.String()) }
			if tt.zoom {
				plantIntoZoom(t, tt.forger, report)
			} else {
				plantIntoPagerDuty(t, tt.forger, report)
			}
			if diff := cmp.Diff(tt.want, found); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

// plantIntoZoom makes a meeting with a forged request, or a forged answer.
func plantIntoZoom(t *testing.T, f forger, report func(specs.Violation)) {
	t.Helper()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	client, err := zoom.NewClient(zoom.ServerToServer(fake.AccountCredentials()),
		zoom.WithTransport(planted(contract(t, "zoom.meetings.json", zoomExceptions()), f, fake.Transport(), report)))
	must(t, err)
	_, _ = client.CreateMeeting(t.Context(), host, zoom.MeetingRequest{Settings: zoom.MeetingSettings{WaitingRoom: new(false)}})
}

// plantIntoPagerDuty writes a bridge with a forged request, or a forged answer.
func plantIntoPagerDuty(t *testing.T, f forger, report func(specs.Violation)) {
	t.Helper()
	fake := pagerdutytest.New()
	var known []specs.Exception // but for the status, which one of the plants is about
	for _, exception := range pagerDutyExceptions() {
		if exception.Field != "status 400" {
			known = append(known, exception)
		}
	}
	client, err := pagerduty.NewClient(pagerduty.APIKey(fake.Key(), fake.From()),
		pagerduty.WithTransport(planted(contract(t, "pagerduty.incident.json", known), f, fake.Transport(), report)))
	must(t, err)
	_, _ = client.SetConferenceBridge(t.Context(), fake.AddIncident("Down"), pagerduty.ConferenceBridge{URL: "https://example.com/j/1"})
}

// planted puts the checker where the forgery is seen: behind what forges requests, before
// what forges answers.
func planted(c *specs.Contract, f forger, fake http.RoundTripper, report func(specs.Violation)) http.RoundTripper {
	onTheWayBack := forger{next: fake, inReply: f.inReply}
	return forger{next: c.Transport(onTheWayBack, report), inRequest: f.inRequest}
}

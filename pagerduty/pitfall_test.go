package pagerduty_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

// Each test here is about one thing that go-pagerduty v1.8.0 does, or does not do, and
// fails when this package does no better. What it has and this package never calls
// (response plays, subscriptions, OAuth set-up) has no test.

func TestPitfallReadAsksForTheBridge(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down", func(i *pagerdutytest.Incident) { i.Bridge = someBridge })
	got, err := newClient(t, fake).Incident(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&someBridge, got.ConferenceBridge); diff != "" {
		t.Errorf("bridge (-want +got):\n%s", diff)
	}
}

func TestPitfallBothBridgeKeysAreWritten(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down")
	_, err := newClient(t, fake).SetConferenceBridge(t.Context(), id, pagerduty.ConferenceBridge{URL: "https://a.example"})
	if err != nil {
		t.Fatal(err)
	}
	call := fake.Requests()[0]
	var got any
	if err := json.Unmarshal(call.Body, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"incident": map[string]any{
		"type":              "incident_reference",
		"conference_bridge": map[string]any{"conference_number": "", "conference_url": "https://a.example"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

func TestPitfallWriteIsOfOneIncident(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down")
	if _, err := newClient(t, fake).SetConferenceBridge(t.Context(), id, someBridge); err != nil {
		t.Fatal(err)
	}
	call := fake.Requests()[0]
	if got := call.Method + " " + call.Path; got != "PUT /incidents/"+id {
		t.Errorf("called %s, want the incident's own path: PUT /incidents has a limit of its own", got)
	}
}

func TestPitfallUserTokenKeepsTheOptions(t *testing.T) {
	t.Parallel()
	var host, authorization string
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		host, authorization = r.URL.Host, r.Header.Get("Authorization")
		return nil, errors.New("seen enough")
	})
	client, err := pagerduty.NewClient(
		pagerduty.UserToken(&tokens{list: []string{"one"}}),
		pagerduty.WithRegion(pagerduty.EU), pagerduty.WithTransport(transport))
	if err != nil {
		t.Fatal(err)
	}
	_ = client.AddNote(t.Context(), "P1", "hello")
	if host != "api.eu.pagerduty.com" || authorization != "Bearer one" {
		t.Errorf("called %s with %q, want the EU with a bearer", host, authorization)
	}
}

func TestPitfallTokenIsAskedForEachCall(t *testing.T) {
	t.Parallel()
	var sent []string
	fake := pagerdutytest.New()
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		sent = append(sent, r.Header.Get("Authorization"))
		return fake.Transport().RoundTrip(r)
	})
	source := &tokens{list: []string{"one", "two", "three"}}
	client, err := pagerduty.NewClient(pagerduty.UserToken(source), pagerduty.WithTransport(transport))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = client.User(t.Context(), "P1") // refused by the fake, so that the token is renewed
	_, _ = client.User(t.Context(), "P1")
	if diff := cmp.Diff([]string{"Bearer one", "Bearer two", "Bearer two", "Bearer three"}, sent); diff != "" {
		t.Errorf("tokens sent (-want +got):\n%s", diff)
	}
}

func TestPitfallCallsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := pagerdutytest.New()
		fake.Fault(pagerdutytest.Any, pagerdutytest.Hang().Always())
		client := newClient(t, fake)
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		for name, call := range map[string]func() error{
			"read":  func() error { _, err := client.Incident(ctx, "P1"); return err },
			"write": func() error { _, err := client.SetConferenceBridge(ctx, "P1", someBridge); return err },
			"note":  func() error { return client.AddNote(ctx, "P1", "hello") },
			"user":  func() error { _, err := client.User(ctx, "P1"); return err },
		} {
			start := time.Now()
			err := call()
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("%s took %s, want 30s at most", name, took)
			}
			checkError(t, err, []error{pagerduty.ErrUnavailable, context.DeadlineExceeded}, nil)
		}
	})
}

func TestPitfallRateLimitIsHonoured(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := pagerdutytest.New()
		id := fake.AddIncident("down")
		fake.Fault(pagerdutytest.Any, silent429().Header("ratelimit-reset", "7"))
		start := time.Now()
		if _, err := newClient(t, fake).Incident(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 7*time.Second || took > 8*time.Second {
			t.Errorf("took %s, want the 7s that PagerDuty asked for, and little more", took)
		}
	})
}

func TestPitfallRetriesCarryTheBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := pagerdutytest.New()
		id := fake.AddIncident("down")
		fake.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Answer(503, "").Times(2))
		if _, err := newClient(t, fake).SetConferenceBridge(t.Context(), id, someBridge); err != nil {
			t.Fatal(err)
		}
		calls := fake.Requests()
		if len(calls) != 3 {
			t.Fatalf("%d calls, want 3", len(calls))
		}
		for _, call := range calls {
			if !bytes.Equal(call.Body, calls[0].Body) || len(call.Body) == 0 {
				t.Errorf("body %q, want %q again", call.Body, calls[0].Body)
			}
		}
		if diff := cmp.Diff(someBridge, fake.Incident(id).Bridge); diff != "" {
			t.Errorf("bridge (-want +got):\n%s", diff)
		}
	})
}

func TestPitfallContextErrorsAreVisible(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := pagerdutytest.New()
		fake.Fault(pagerdutytest.Any, pagerdutytest.Hang().Always())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := newClient(t, fake).AddNote(ctx, "P1", "hello"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("deadline is lost in %v", err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := newClient(t, fake).AddNote(ctx, "P1", "hello"); !errors.Is(err, context.Canceled) {
			t.Errorf("cancellation is lost in %v", err)
		}
	})
}

func TestPitfallErrorsArePointers(t *testing.T) {
	t.Parallel()
	_, err := newClient(t, pagerdutytest.New()).Incident(t.Context(), "PNONE")
	var typed *pagerduty.Error
	if !errors.As(err, &typed) {
		t.Fatalf("error %v, want an *Error", err)
	}
	if typed.StatusCode != 404 || typed.Code != 5001 || typed.IncidentID != "PNONE" {
		t.Errorf("error %+v, want PagerDuty's 404 and 5001 about PNONE", typed)
	}
}

func TestPitfall408IsRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := pagerdutytest.New()
		id := fake.AddIncident("down")
		fake.Fault(pagerdutytest.Any, pagerdutytest.Answer(408, pagerdutytest.ErrorBody(2016, "Took Too Long")))
		if _, err := newClient(t, fake).Incident(t.Context(), id); err != nil {
			t.Errorf("error %v, want a second try", err)
		}
	})
}

func TestPitfallErrorBodiesAreRead(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"error":"Use a user's token"}`,
		`{"error":{"message":"Use a user's token","code":2001,"errors":{"token":["wrong"]}}}`,
	} {
		got := failingRead(t, pagerdutytest.Answer(400, body))
		if !strings.Contains(got.Message, "Use a user's token") {
			t.Errorf("error %v of %s, want PagerDuty's words", got, body)
		}
	}
}

func TestPitfallAnswersAreLimited(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	body := `{"incident":{"id":"P1","title":"` + strings.Repeat("x", 2<<20) + `"}}`
	fake.Fault(pagerdutytest.Any, pagerdutytest.Answer(200, body).Always())
	client := newClient(t, fake)
	_, err := client.Incident(t.Context(), "P1")
	checkError(t, err, []error{pagerduty.ErrUnavailable}, []error{pagerduty.ErrInDoubt})
	_, err = client.SetConferenceBridge(t.Context(), "P1", someBridge)
	checkError(t, err, []error{pagerduty.ErrUnavailable, pagerduty.ErrInDoubt}, nil)
}

func TestPitfallIDsStayInTheirPath(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	victim := fake.AddIncident("someone else's")
	client := newClient(t, fake)
	for _, id := range []string{"../incidents/" + victim, victim + "?x=y", victim + "#", victim + "/notes", victim + "%2Fnotes"} {
		_, err := client.SetConferenceBridge(t.Context(), id, someBridge)
		if !errors.Is(err, pagerduty.ErrInvalid) {
			t.Errorf("write to %q: %v, want ErrInvalid", id, err)
		}
	}
	if calls := fake.Requests(); len(calls) > 0 {
		t.Errorf("called %s, want nothing", calls[0].Path)
	}
}

func TestPitfallNoteIsFromTheConfiguredUser(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New(pagerdutytest.WithUsers("bot@example.com"))
	id := fake.AddIncident("down")
	client, err := pagerduty.NewClient(
		pagerduty.APIKey(fake.Key(), "bot@example.com"), pagerduty.WithTransport(fake.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	if err := client.AddNote(t.Context(), id, "hello"); err != nil {
		t.Fatal(err)
	}
	call := fake.Requests()[0]
	if call.Header.Get("From") != "bot@example.com" || string(call.Body) != `{"note":{"content":"hello"}}` {
		t.Errorf("from %q: %s; want bot@example.com and the content alone", call.Header.Get("From"), call.Body)
	}
}

func TestPitfallSignatureIsReadWithCare(t *testing.T) {
	t.Parallel()
	huge := bytes.Repeat([]byte("x"), 3<<20)
	wrong := "v1=" + strings.Repeat("0", 64)
	tests := []struct {
		name  string
		value string
		body  []byte
		want  error
	}{
		{"blank after the comma", wrong + ", " + signature("new", nil), nil, nil},
		{"older secret", signature("old", nil), nil, nil},
		{"body above 2 MiB", signature("new", huge), huge, nil},
		{"body cut at 2 MiB", signature("new", huge[:2<<20]), huge, pagerduty.ErrBadSignature},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			header.Set("X-PagerDuty-Signature", tt.value)
			if err := newVerifier(t, "new", "old").Verify(header, tt.body); !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
	if _, err := pagerduty.NewVerifier([]string{""}); err == nil {
		t.Error("an empty secret is accepted")
	}
}

func TestPitfallCustomActionTimesAreLenient(t *testing.T) {
	t.Parallel()
	for _, at := range []string{`null`, `""`, `"soon"`, `"2026-11-23T14:00:00-0500"`, `17`} {
		body := fmt.Sprintf(`{"messages":[{"id":"m1","created_on":%s,"incident":{"id":"P1","created_at":%s}}]}`, at, at)
		actions, err := pagerduty.ParseCustomAction([]byte(body))
		if err != nil || len(actions) != 1 || actions[0].Incident.ID != "P1" {
			t.Errorf("action created at %s: %v, %v; want the action", at, actions, err)
		}
	}
}

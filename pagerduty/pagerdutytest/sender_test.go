package pagerdutytest_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

// receiver is a RoundTripper that answers deliveries with the statuses, one after the
// other, and then with 200.
type receiver struct {
	statuses []int
	got      []string // X-Webhook-Id of each
	bodies   [][]byte
	headers  []http.Header
}

func (r *receiver) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	r.got, r.bodies = append(r.got, request.Header.Get("X-Webhook-Id")), append(r.bodies, body)
	r.headers = append(r.headers, request.Header)
	status := 200
	if len(r.statuses) > 0 {
		status, r.statuses = r.statuses[0], r.statuses[1:]
	}
	switch status {
	case 0:
		<-request.Context().Done()
		return nil, request.Context().Err()
	case -1:
		return nil, syscall.ECONNREFUSED
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody, Request: request}, nil
}

// subscribed returns a fake with a subscription to the events.
func subscribed(t *testing.T, events ...string) (*pagerdutytest.Server, *pagerduty.Client, *pagerduty.WebhookSubscription) {
	t.Helper()
	fake := pagerdutytest.New()
	client, err := pagerduty.NewClient(pagerduty.APIKey(fake.Key(), fake.From()), pagerduty.WithTransport(fake.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	subscription, err := client.CreateWebhookSubscription(t.Context(), pagerduty.WebhookSubscriptionRequest{
		URL: "https://bridge.example.com/webhooks/pagerduty", Events: events,
		Headers: map[string]pagerduty.Secret{"X-Route": "secret"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return fake, client, subscription
}

func outcomes(attempts []pagerdutytest.Attempt) []pagerdutytest.Outcome {
	var got []pagerdutytest.Outcome
	for _, a := range attempts {
		got = append(got, a.Outcome)
	}
	return got
}

func TestSenderRepeatsWhatMayHeal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		want   pagerdutytest.Outcome
	}{
		{"done", 200, pagerdutytest.Delivered},
		{"accepted", 202, pagerdutytest.Delivered},
		{"no answer in time", 0, pagerdutytest.Retrying},
		{"no connection", -1, pagerdutytest.Retrying},
		{"500", 500, pagerdutytest.Retrying},
		{"503", 503, pagerdutytest.Retrying},
		{"429", 429, pagerdutytest.Retrying},
		{"redirect", 302, pagerdutytest.Dropped},
		{"400", 400, pagerdutytest.Dropped},
		{"401", 401, pagerdutytest.Dropped},
		{"404", 404, pagerdutytest.Dropped},
		{"410", 410, pagerdutytest.Dropped},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake, _, subscription := subscribed(t, "incident.triggered")
				fake.AddIncident("down")
				to := &receiver{statuses: []int{tt.status}}
				attempts := fake.Deliver(t.Context(), to)
				if len(attempts) != 1 || attempts[0].Outcome != tt.want || attempts[0].Receiver != subscription.ID {
					t.Fatalf("attempts %+v, want one that is %s", attempts, tt.want)
				}
				again := fake.Deliver(t.Context(), to)
				if (len(again) == 1) != (tt.want == pagerdutytest.Retrying) {
					t.Fatalf("then %+v, want a repetition only of what may heal", again)
				}
				if len(again) == 1 && (to.got[0] != to.got[1] || !bytes.Equal(to.bodies[0], to.bodies[1])) {
					t.Errorf("repeated as %v, want the same request", to.got)
				}
				if left := fake.Deliver(t.Context(), to); len(left) > 0 {
					t.Errorf("then %+v, want nothing", left)
				}
			})
		})
	}
}

func TestSenderWaits5SecondsForAnEventAnd16ForAPress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake, client, _ := subscribed(t, "incident.triggered")
		extension, err := client.CreateExtension(t.Context(), pagerduty.ExtensionRequest{
			Name: "Create Zoom Meeting", URL: "https://bridge.example.com/actions/pagerduty", ServiceIDs: []string{"PSHOP01"},
			Headers: map[string]pagerduty.Secret{"Authorization": "Bearer secret"},
		})
		if err != nil {
			t.Fatal(err)
		}
		took := func() time.Duration {
			start := time.Now()
			fake.Deliver(t.Context(), &receiver{statuses: []int{0}})
			return time.Since(start)
		}
		id := fake.AddIncident("down")
		if got := took(); got != 5*time.Second {
			t.Errorf("gave an event %s, want 5s", got)
		}
		fake.Deliver(t.Context(), &receiver{})
		fake.Press(extension.ID, id, "PADA")
		if got := took(); got != 16*time.Second {
			t.Errorf("gave a press %s, want 16s", got)
		}
		to := &receiver{}
		fake.Deliver(t.Context(), to)
		if len(to.headers) != 1 || to.headers[0].Get("Authorization") != "Bearer secret" {
			t.Errorf("pressed with %v, want the extension's header", to.headers)
		}
	})
}

func TestSenderHoldsBackWhatComesAfter(t *testing.T) {
	t.Parallel()
	fake, _, _ := subscribed(t, "incident.triggered", "incident.resolved")
	first := fake.AddIncident("one")
	fake.Resolve(first)
	fake.AddIncident("two")
	to := &receiver{statuses: []int{503}}
	want := []pagerdutytest.Outcome{pagerdutytest.Retrying, pagerdutytest.Delivered} // one waits, two does not
	if diff := cmp.Diff(want, outcomes(fake.Deliver(t.Context(), to))); diff != "" {
		t.Errorf("first round (-want +got):\n%s", diff)
	}
	want = []pagerdutytest.Outcome{pagerdutytest.Delivered, pagerdutytest.Delivered}
	if diff := cmp.Diff(want, outcomes(fake.Deliver(t.Context(), to))); diff != "" {
		t.Errorf("second round (-want +got):\n%s", diff)
	}
	var types []string
	for _, body := range to.bodies {
		event, err := pagerduty.ParseEvent(body)
		if err != nil {
			t.Fatal(err)
		}
		types = append(types, event.Type)
	}
	order := []string{"incident.triggered", "incident.triggered", "incident.triggered", "incident.resolved"}
	if diff := cmp.Diff(order, types); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestThreeDropsInARowSwitchTheSubscriptionOff(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		statuses []int
		disabled bool
	}{
		{"three drops", []int{404, 401, 400}, true},
		{"a success between", []int{404, 200, 404, 404}, false},
		{"two drops", []int{404, 404}, false},
		{"failures that may heal", []int{500, 500, 500, 500}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake, client, subscription := subscribed(t, "incident.triggered")
				for range 5 {
					fake.AddIncident("down")
				}
				fake.Deliver(t.Context(), &receiver{statuses: tt.statuses})
				if got := fake.Subscriptions()[0].Disabled; got != tt.disabled {
					t.Fatalf("switched off: %t, want %t", got, tt.disabled)
				}
				if !tt.disabled {
					return
				}
				fake.AddIncident("unheard")
				if left := fake.Deliver(t.Context(), &receiver{}); len(left) > 0 {
					t.Errorf("sent %+v, want the queue discarded", left)
				}
				if listed, err := client.WebhookSubscriptions(t.Context()); err != nil || !listed[0].Disabled {
					t.Errorf("list %+v, %v; want it told", listed, err)
				}
				if err := client.EnableWebhookSubscription(t.Context(), subscription.ID); err != nil {
					t.Fatal(err)
				}
				fake.AddIncident("heard")
				if got := fake.Deliver(t.Context(), &receiver{}); len(got) != 1 {
					t.Errorf("sent %+v after it was enabled, want the one event since", got)
				}
			})
		})
	}
}

func TestSenderForgivesAfterADayAndGivesUpAfterTwo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake, _, _ := subscribed(t, "incident.triggered")
		for range 3 {
			fake.AddIncident("down")
		}
		fake.Deliver(t.Context(), &receiver{statuses: []int{404, 404, 404}})
		time.Sleep(24*time.Hour + time.Second)
		fake.Deliver(t.Context(), &receiver{})
		if fake.Subscriptions()[0].Disabled {
			t.Error("switched off for more than a day")
		}
		fake.AddIncident("down")
		fake.Deliver(t.Context(), &receiver{statuses: []int{500}})
		time.Sleep(48*time.Hour + time.Second)
		to := &receiver{}
		if got := outcomes(fake.Deliver(t.Context(), to)); len(to.got) > 0 || len(got) != 1 || got[0] != pagerdutytest.Dropped {
			t.Errorf("after two days %v with %d requests, want it dropped unsent", got, len(to.got))
		}
	})
}

func TestOurOwnWriteComesBackAsAnEvent(t *testing.T) {
	t.Parallel()
	fake, client, subscription := subscribed(t, "incident.conference_bridge.updated")
	id := fake.AddIncident("down")
	bridge := pagerduty.ConferenceBridge{URL: "https://a.example", DialIn: "+1 202"}
	if _, err := client.SetConferenceBridge(t.Context(), id, bridge); err != nil {
		t.Fatal(err)
	}
	fake.SetBridge(id, pagerduty.ConferenceBridge{})
	if err := client.PingWebhookSubscription(t.Context(), subscription.ID); err != nil {
		t.Fatal(err)
	}
	verifier, err := pagerduty.NewVerifier([]string{string(subscription.Secret)})
	if err != nil {
		t.Fatal(err)
	}
	to := &receiver{}
	fake.Deliver(t.Context(), to)
	var got []pagerduty.ConferenceBridge
	for i, body := range to.bodies {
		if err := verifier.Verify(to.headers[i], body); err != nil {
			t.Error(err)
		}
		if to.headers[i].Get("X-Webhook-Subscription") != subscription.ID || to.headers[i].Get("X-Route") != "secret" {
			t.Errorf("headers %v, want the subscription's", to.headers[i])
		}
		event, err := pagerduty.ParseEvent(body)
		if err != nil {
			t.Fatal(err)
		}
		if event.ConferenceBridge != nil {
			got = append(got, *event.ConferenceBridge)
		}
	}
	if len(to.bodies) != 3 || len(got) != 2 || got[0] != bridge || got[1] != (pagerduty.ConferenceBridge{}) {
		t.Errorf("%d deliveries with the bridges %d, want our write, the clearing and a ping", len(to.bodies), len(got))
	}
}

func TestSubscriptionsHearWhatTheyAskedFor(t *testing.T) {
	t.Parallel()
	fake, client, _ := subscribed(t, "incident.triggered")
	for _, filter := range []pagerduty.Reference{
		{ID: "PSHOP01", Type: "service_reference"}, {ID: "POTHER", Type: "service_reference"}, {ID: "PTEAM1", Type: "team_reference"},
	} {
		if _, err := client.CreateWebhookSubscription(t.Context(), pagerduty.WebhookSubscriptionRequest{
			URL: "https://bridge.example.com", Events: []string{"incident.triggered"}, Filter: filter,
		}); err != nil {
			t.Fatal(err)
		}
	}
	id := fake.AddIncident("down", func(i *pagerdutytest.Incident) { i.Teams = []pagerduty.Reference{{ID: "PTEAM1"}} })
	fake.Resolve(id)
	var got []string
	for _, attempt := range fake.Deliver(t.Context(), &receiver{}) {
		got = append(got, attempt.Receiver)
	}
	all := fake.Subscriptions()
	if diff := cmp.Diff([]string{all[0].ID, all[1].ID, all[3].ID}, got); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if all[0].Secret == all[1].Secret {
		t.Error("two subscriptions have one secret")
	}
}

func TestSenderSpeaksTLS12Only(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		minimum uint16
		trusted bool
		want    pagerdutytest.Outcome
	}{
		{"receiver that allows 1.2", tls.VersionTLS12, true, pagerdutytest.Delivered},
		{"receiver that wants 1.3", tls.VersionTLS13, true, pagerdutytest.Dropped},
		{"self-signed certificate", tls.VersionTLS12, false, pagerdutytest.Dropped},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusAccepted)
			}))
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.TLS = &tls.Config{MinVersion: tt.minimum}
			server.StartTLS()
			t.Cleanup(server.Close)
			roots := x509.NewCertPool()
			if tt.trusted {
				roots.AddCert(server.Certificate())
			}
			fake, client, _ := subscribed(t, "incident.resolved")
			if _, err := client.CreateWebhookSubscription(t.Context(), pagerduty.WebhookSubscriptionRequest{
				URL: server.URL, Events: []string{"incident.triggered"},
			}); err != nil {
				t.Fatal(err)
			}
			fake.AddIncident("down")
			transport := pagerdutytest.SenderTransport(roots)
			t.Cleanup(transport.CloseIdleConnections)
			attempts := fake.Deliver(t.Context(), transport)
			if len(attempts) != 1 || attempts[0].Outcome != tt.want {
				t.Errorf("attempts %+v, want one that is %s", attempts, tt.want)
			}
		})
	}
}

func TestSenderStopsWithItsContext(t *testing.T) {
	t.Parallel()
	fake, _, _ := subscribed(t, "incident.triggered")
	fake.AddIncident("down")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := outcomes(fake.Deliver(ctx, &receiver{statuses: []int{0}})); len(got) != 1 || got[0] != pagerdutytest.Retrying {
		t.Errorf("outcomes %v, want one that is tried again", got)
	}
}

package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func TestOpenMakesOneMeetingAndAttachesIt(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id := w.pd.AddIncident("The shop is down")
		b := open(t, w.start(t), bridge.Request{IncidentID: id})
		m := w.oneMeeting(t, id)
		want := &bridge.Bridge{
			IncidentID: id, State: bridge.StateAttached, Created: true, Provider: "zoom", MeetingID: strconv.FormatInt(m.ID, 10),
			JoinURL: m.JoinURL, DialIn: w.pd.Incident(id).Bridge.DialIn, Host: host, Generation: 1, OpenedAt: time.Now(),
		}
		if diff := cmp.Diff(want, b); diff != "" {
			t.Errorf("bridge (-want +got):\n%s", diff)
		}
		if !strings.Contains(b.DialIn, ",,"+b.MeetingID+"#,,,,*"+m.PhonePassword+"#") {
			t.Errorf("dial-in %q does not lead into the meeting", b.DialIn)
		}
		wantCalls := map[string]int{"zoom create_meeting": 1, "pagerduty get_incident": 1, "pagerduty update_incident": 1}
		if diff := cmp.Diff(wantCalls, w.calls()); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestReadsAndTheTokenTakeOneRoundTrip(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		w.zoom.AddUser("ada@example.com")
		w.zoom.Fault(zoomtest.Any, zoomtest.Delay(time.Second).Always())
		w.pd.Fault(pagerdutytest.Any, pagerdutytest.Delay(time.Second).Always())
		user := w.pd.AddUser("ada@example.com")
		began := time.Now()
		open(t, w.start(t), bridge.Request{IncidentID: w.pd.AddIncident("Down"), Requester: bridge.Requester{ID: user}})
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("took %v, want 3s: reads and token, create, publish", took)
		}
	})
}

func TestManyClicksMakeOneMeeting(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id := w.pd.AddIncident("The shop is down")
		names := []string{id, strconv.Itoa(w.pd.Incident(id).Number), "https://acme.pagerduty.com/incidents/" + id}
		processes := []*process{w.start(t), w.start(t), w.start(t)}
		var group sync.WaitGroup
		created := make(chan bool, 70)
		click := func(i int) {
			b, err := processes[i%3].Open(t.Context(), bridge.Request{IncidentID: names[i/3%3]})
			if err != nil {
				t.Errorf("click %d: %v", i, err)
				return
			}
			created <- b.Created
		}
		for i := range 50 {
			group.Go(func() { click(i) })
		}
		group.Wait()
		for i := range 20 {
			click(i)
		}
		close(created)
		made := 0
		for c := range created {
			if c {
				made++
			}
		}
		w.oneMeeting(t, id)
		if calls := w.calls(); made != 1 || calls["zoom create_meeting"] != 1 || calls["pagerduty update_incident"] != 1 {
			t.Errorf("%d clicks created; calls %v", made, calls)
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	tests := []struct {
		name string
		req  bridge.Request
		want error
	}{
		{"an empty id", bridge.Request{}, bridge.ErrInvalid},
		{"a path", bridge.Request{IncidentID: "../users/P1"}, bridge.ErrInvalid},
		{"an escaped path", bridge.Request{IncidentID: "P1%2fnotes"}, bridge.ErrInvalid},
		{"another site's address", bridge.Request{IncidentID: "https://pagerduty.com.evil.example/incidents/P1"}, bridge.ErrInvalid},
		{"a number in anybody's address", bridge.Request{IncidentID: "https://acme.pagerduty.com/incidents/42"}, bridge.ErrInvalid},
		{"an unknown trigger", bridge.Request{IncidentID: "P1", Trigger: bridge.Trigger{Kind: "magic"}}, bridge.ErrInvalid},
		{"an endless key", bridge.Request{IncidentID: "P1", IdempotencyKey: strings.Repeat("k", 257)}, bridge.ErrInvalid},
		{"an event nobody listed", bridge.Request{IncidentID: "P1", Trigger: bridge.Trigger{Kind: bridge.TriggerAutomatic, Event: "incident.triggered"}}, bridge.ErrIgnored},
		{"an old trigger", bridge.Request{IncidentID: "P1", OccurredAt: time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC)}, bridge.ErrStale},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inEnv(t, func(t *testing.T, w *env) {
				_, err := w.start(t).Open(t.Context(), test.req)
				var e *bridge.Error
				if !errors.Is(err, test.want) || !errors.As(err, &e) || e.Kept {
					t.Errorf("error %v, want %v", err, test.want)
				}
				if calls := w.calls(); len(calls) != 0 {
					t.Errorf("calls %v, want none", calls)
				}
			})
		})
	}
}

func TestOpenFindsThatThereIsNothingToOpen(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(w *env) (id string)
		want    error
	}{
		{"the incident is resolved", func(w *env) string {
			id := w.pd.AddIncident("It was down")
			w.pd.Resolve(id)
			return id
		}, bridge.ErrResolved},
		{"there is no such incident", func(*env) string { return "PNONE" }, bridge.ErrIncidentNotFound},
		{"PagerDuty cannot be read", func(w *env) string {
			w.pd.Fault(pagerdutytest.GetIncident, pagerdutytest.Answer(500, "").Always())
			return w.pd.AddIncident("The shop is down")
		}, bridge.ErrIncidents},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inEnv(t, func(t *testing.T, w *env) {
				id := test.prepare(w)
				p := w.start(t)
				if _, err := p.Open(t.Context(), bridge.Request{IncidentID: id}); !errors.Is(err, test.want) {
					t.Errorf("error %v, want %v", err, test.want)
				}
				pass(time.Minute)
				if calls := w.calls(); calls["zoom create_meeting"]+calls["pagerduty update_incident"] != 0 || p.state(t, id) != "" {
					t.Errorf("calls %v, state %q, want nothing made and nothing left", calls, p.state(t, id))
				}
			})
		})
	}
}

func TestAReleasedIncidentOpensLater(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("The shop is down"), w.start(t)
		w.pd.Fault(pagerdutytest.GetIncident, pagerdutytest.Answer(500, "").Always())
		req := bridge.Request{IncidentID: id, IdempotencyKey: "delivery-1"}
		if _, err := p.Open(t.Context(), req); !errors.Is(err, bridge.ErrIncidents) {
			t.Fatalf("error %v", err)
		}
		w.pd.ClearFaults()
		if b := open(t, p, req); b.State != bridge.StateAttached || !b.Created {
			t.Errorf("redelivery got %+v", b)
		}
		w.oneMeeting(t, id)
	})
}

func TestTheRequesterHostsWhenZoomKnowsThem(t *testing.T) {
	tests := []struct {
		name        string
		atZoom      []func(*zoomtest.User)
		host        string
		wantCreates int
	}{
		{"known", []func(*zoomtest.User){}, "ada@example.com", 1},
		{"unknown", nil, host, 2},
		{"without a licence", []func(*zoomtest.User){func(u *zoomtest.User) { u.Unlicensed = true }}, host, 2},
	}
	for _, test := range tests {
		inEnvNamed(t, test.name, func(t *testing.T, w *env) {
			if test.atZoom != nil {
				w.zoom.AddUser("ada@example.com", test.atZoom...)
			}
			id := w.pd.AddIncident("Down")
			b := open(t, w.start(t), bridge.Request{IncidentID: id, Requester: bridge.Requester{Email: "ada@example.com"}})
			if b.Host != test.host || len(b.Warnings) != 0 || w.calls()["zoom create_meeting"] != test.wantCreates {
				t.Errorf("host %q, warnings %q, calls %v", b.Host, b.Warnings, w.calls())
			}
			w.oneMeeting(t, id)
		})
	}
}

func TestAHumansBridgeIsKept(t *testing.T) {
	human := pagerduty.ConferenceBridge{URL: "https://meet.example.com/humans", DialIn: "+1 202 555 0199"}
	t.Run("by default", func(t *testing.T) {
		inEnv(t, func(t *testing.T, w *env) {
			id, p := w.pd.AddIncident("Down"), w.start(t)
			w.pd.SetBridge(id, human)
			for range 2 {
				b := open(t, p, bridge.Request{IncidentID: id})
				if b.State != bridge.StateExternal || b.Provider != "external" || b.Created || b.JoinURL != human.URL || b.DialIn != human.DialIn {
					t.Errorf("bridge %+v", b)
				}
			}
			if calls := w.calls(); calls["zoom create_meeting"]+calls["pagerduty update_incident"] != 0 {
				t.Errorf("calls %v", calls)
			}
		})
	})
	t.Run("unless told otherwise", func(t *testing.T) {
		inEnv(t, func(t *testing.T, w *env) {
			id := w.pd.AddIncident("Down")
			w.pd.SetBridge(id, human)
			open(t, w.start(t, bridge.WithOverwrite()), bridge.Request{IncidentID: id})
			w.oneMeeting(t, id)
		})
	})
	t.Run("until it is taken away", func(t *testing.T) {
		inEnv(t, func(t *testing.T, w *env) {
			id, p := w.pd.AddIncident("Down"), w.start(t)
			w.pd.SetBridge(id, human)
			open(t, p, bridge.Request{IncidentID: id})
			w.pd.SetBridge(id, pagerduty.ConferenceBridge{})
			open(t, p, bridge.Request{IncidentID: id})
			w.oneMeeting(t, id)
		})
	})
}

func TestWhatTheTriggerCarriesStandsInForARead(t *testing.T) {
	tests := []struct {
		name      string
		age       time.Duration
		change    func(*bridge.Incident)
		wantReads int
	}{
		{"young and complete", 30 * time.Second, func(*bridge.Incident) {}, 0},
		{"too old", 61 * time.Second, func(*bridge.Incident) {}, 1},
		{"without a status", 0, func(i *bridge.Incident) { i.Status = "" }, 1},
		{"without a word about the bridge", 0, func(i *bridge.Incident) { i.Bridge = nil }, 1},
	}
	for _, test := range tests {
		inEnvNamed(t, test.name, func(t *testing.T, w *env) {
			id := w.pd.AddIncident("Down")
			carried := &bridge.Incident{ID: id, Number: 1, Title: "Down", Status: "triggered", Bridge: &bridge.Link{}}
			test.change(carried)
			pass(time.Hour)
			open(t, w.start(t), bridge.Request{IncidentID: id, Incident: carried, OccurredAt: time.Now().Add(-test.age)})
			if reads := w.calls()["pagerduty get_incident"]; reads != test.wantReads {
				t.Errorf("%d reads of the incident, want %d", reads, test.wantReads)
			}
			w.oneMeeting(t, id)
		})
	}
}

func TestOpenOn(t *testing.T) {
	started := bridge.Trigger{Kind: bridge.TriggerWorkflow, Event: bridge.WorkflowStarted, WorkflowID: "W1", WorkflowName: "Call"}
	triggered := bridge.Trigger{Kind: bridge.TriggerAutomatic, Event: "incident.triggered"}
	tests := []struct {
		name    string
		rules   bridge.OpenOn
		trigger bridge.Trigger
		opens   bool
	}{
		{"any workflow", bridge.OpenOn{Events: []string{bridge.WorkflowStarted}, Workflows: []string{"*"}}, started, true},
		{"this workflow", bridge.OpenOn{Events: []string{bridge.WorkflowStarted}, Workflows: []string{"W1"}}, started, true},
		{"this workflow by name", bridge.OpenOn{Events: []string{bridge.WorkflowStarted}, Workflows: []string{"call"}}, started, true},
		{"another workflow", bridge.OpenOn{Events: []string{bridge.WorkflowStarted}, Workflows: []string{"W2"}}, started, false},
		{"another event", bridge.OpenOn{Events: []string{"incident.triggered"}}, started, false},
		{"this priority", bridge.OpenOn{Events: []string{"incident.triggered"}, Priorities: []string{"P1"}}, triggered, true},
		{"another priority", bridge.OpenOn{Events: []string{"incident.triggered"}, Priorities: []string{"P2"}}, triggered, false},
		{"this urgency", bridge.OpenOn{Events: []string{"incident.triggered"}, Urgencies: []string{"high"}}, triggered, true},
		{"another urgency", bridge.OpenOn{Events: []string{"incident.triggered"}, Urgencies: []string{"low"}}, triggered, false},
		{"another service", bridge.OpenOn{Events: []string{"incident.triggered"}, Services: []string{"PSVC"}}, triggered, false},
		{"a click is no event", bridge.OpenOn{Priorities: []string{"P2"}}, bridge.Trigger{Kind: bridge.TriggerManual}, true},
	}
	for _, test := range tests {
		inEnvNamed(t, test.name, func(t *testing.T, w *env) {
			id := w.pd.AddIncident("Down", func(i *pagerdutytest.Incident) {
				i.Priority = &pagerduty.Reference{ID: "PPRIO", Summary: "P1"}
			})
			_, err := w.start(t, bridge.WithOpenOn(test.rules)).Open(t.Context(), bridge.Request{IncidentID: id, Trigger: test.trigger})
			if opens := err == nil; opens != test.opens || !opens && !errors.Is(err, bridge.ErrIgnored) {
				t.Errorf("error %v, want open: %t", err, test.opens)
			}
			if made := len(w.meetings()) == 1; made != test.opens {
				t.Errorf("meeting made: %t, want %t", made, test.opens)
			}
		})
	}
}

func TestACallerWhoLeavesEarlyIsToldWhatStands(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(3*time.Second))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		b, err := p.Open(ctx, bridge.Request{IncidentID: id})
		if err != nil || b.State != bridge.StateCreating {
			t.Fatalf("bridge %+v, error %v, want creating", b, err)
		}
		pass(5 * time.Second)
		if state := p.state(t, id); state != bridge.StateAttached {
			t.Errorf("state %q, want attached", state)
		}
		w.oneMeeting(t, id)
	})
}

// A trigger that was answered with "creating" may not be forgotten because PagerDuty
// fails afterwards.
func TestWhatWasPromisedIsKept(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.pd.Fault(pagerdutytest.GetIncident, pagerdutytest.Hang().Times(1), pagerdutytest.Answer(500, "").Times(12))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		b, err := p.Open(ctx, bridge.Request{IncidentID: id})
		if err != nil || b.State != bridge.StateCreating {
			t.Fatalf("bridge %+v, error %v, want creating", b, err)
		}
		pass(2 * time.Minute)
		w.oneMeeting(t, id)
	})
}

func TestDialInThatPagerDutyRefuses(t *testing.T) {
	tests := []struct {
		name   string
		accept func(string) bool
		want   func(m zoomtest.Meeting) string
	}{
		{"a plainer one is tried", pagerdutytest.NoStar, func(m zoomtest.Meeting) string { return fmt.Sprintf(",,%d#", m.ID) }},
		{"then the link alone", func(number string) bool { return number == "" }, func(zoomtest.Meeting) string { return "" }},
	}
	for _, test := range tests {
		inEnvNamed(t, test.name, func(t *testing.T, w *env) {
			w.pd = pagerdutytest.New(pagerdutytest.WithNumberCheck(test.accept))
			id := w.pd.AddIncident("Down")
			b := open(t, w.start(t), bridge.Request{IncidentID: id})
			m := w.oneMeeting(t, id)
			shown := w.pd.Incident(id).Bridge.DialIn
			if b.DialIn != shown || !strings.HasSuffix(shown, test.want(m)) || len(b.Warnings) != 1 {
				t.Errorf("dial-in %q, incident shows %q, warnings %q", b.DialIn, shown, b.Warnings)
			}
		})
	}
}

func inEnvNamed(t *testing.T, name string, test func(t *testing.T, w *env)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { inEnv(t, test) })
}

// Who joins an attempt gets what the record says at its end, not what the attempt wrote
// last.
func TestFollowerGetsTheRecord(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id := w.pd.AddIncident("Down")
		store, release := storetest.NewHook(w.store, storetest.Hooks{}), make(chan struct{})
		slow, other := w.startOn(t, store, false), w.startOn(t, w.store, false)
		var once sync.Once
		store.Set(storetest.Hooks{AfterPut: func(_ context.Context, _ string, r tokenstore.Record, err error) error {
			if readRecord(r.Value).State == "attached" {
				once.Do(func() { <-release })
			}
			return err
		}})
		go func() { _, _ = slow.Open(t.Context(), bridge.Request{IncidentID: id}) }()
		pass(time.Second)
		closing(t, other, id, bridge.CloseRequested)
		pass(time.Second)
		follower := make(chan *bridge.Bridge)
		go func() {
			b, _ := slow.Open(t.Context(), bridge.Request{IncidentID: id})
			follower <- b
		}()
		pass(time.Second)
		close(release)
		b := <-follower
		if b == nil || b.State != bridge.StateAttached || other.state(t, id) != bridge.StateAttached {
			t.Errorf("the follower was told %+v, and the ledger has %q, want attached", b, other.state(t, id))
		}
	})
}

// A human may have changed their bridge: who joins an attempt gets the link it has just read.
func TestFollowerGetsTheExternalLinkAsItIsNow(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.pd.SetBridge(id, humanBridge())
		open(t, p, bridge.Request{IncidentID: id})
		const changed = "https://meet.example.com/changed"
		w.pd.SetBridge(id, pagerduty.ConferenceBridge{URL: changed})
		w.pd.Fault(pagerdutytest.GetIncident, pagerdutytest.Delay(2*time.Second))
		links := make(chan string)
		for range 2 {
			go func() {
				b, err := p.Open(t.Context(), bridge.Request{IncidentID: id})
				if err != nil {
					links <- err.Error()
					return
				}
				links <- b.JoinURL
			}()
			pass(time.Second)
		}
		for range 2 {
			if link := <-links; link != changed {
				t.Errorf("told %q, want %q", link, changed)
			}
		}
	})
}

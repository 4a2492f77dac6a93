package pagerduty_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

var someBridge = pagerduty.ConferenceBridge{
	URL: "https://example.zoom.us/j/98765432101?pwd=Abc&x=1", DialIn: "+1 415 555 1212,,98765432101#,,,,*123456#",
}

func TestSetConferenceBridgeWritesBothParts(t *testing.T) {
	t.Parallel()
	tests := map[string]pagerduty.ConferenceBridge{
		"both":         someBridge,
		"link alone":   {URL: someBridge.URL},
		"number alone": {DialIn: someBridge.DialIn},
	}
	for name, bridge := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := pagerdutytest.New()
			id := fake.AddIncident("down", func(i *pagerdutytest.Incident) {
				i.Bridge = pagerduty.ConferenceBridge{URL: "https://old.example", DialIn: "+1 202 555 0199"}
			})
			got, err := newClient(t, fake).SetConferenceBridge(t.Context(), id, bridge)
			if err != nil {
				t.Fatal(err)
			}
			if got.ID != id || got.Status != "triggered" {
				t.Errorf("answer %+v, want the incident, triggered", got)
			}
			if got.ConferenceBridge != nil || got.BridgeKnown {
				t.Error("the answer claims to know the bridge, which PagerDuty does not tell")
			}
			if diff := cmp.Diff(bridge, fake.Incident(id).Bridge); diff != "" {
				t.Errorf("bridge on the incident (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSetConferenceBridgeTellsTheStatus(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down")
	fake.Resolve(id)
	got, err := newClient(t, fake).SetConferenceBridge(t.Context(), id, someBridge)
	if err != nil {
		t.Fatal(err)
	}
	if got.Status != "resolved" || fake.Incident(id).Status != "resolved" {
		t.Errorf("status %q told, %q on the incident; want resolved, untouched", got.Status, fake.Incident(id).Status)
	}
}

func TestSetConferenceBridgeRefusesAnEmptyOne(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down", func(i *pagerdutytest.Incident) { i.Bridge = someBridge })
	for _, bridge := range []pagerduty.ConferenceBridge{{}, {URL: " "}, {URL: "\t", DialIn: "\n"}} {
		_, err := newClient(t, fake).SetConferenceBridge(t.Context(), id, bridge)
		if !errors.Is(err, pagerduty.ErrInvalid) {
			t.Errorf("error %v, want ErrInvalid", err)
		}
	}
	if calls := fake.Requests(); len(calls) > 0 {
		t.Errorf("%d calls, want none", len(calls))
	}
}

func TestSetConferenceBridgeUnderFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		faults  []pagerdutytest.Fault
		calls   int
		written bool
		is      []error
		isNot   []error
	}{
		{"lost before", []pagerdutytest.Fault{pagerdutytest.ResetBefore()}, 2, true, nil, nil},
		{"answer lost", []pagerdutytest.Fault{pagerdutytest.ResetAfter()}, 2, true, nil, nil},
		{"answer cut", []pagerdutytest.Fault{pagerdutytest.Truncate()}, 2, true, nil, nil},
		{"two 503", []pagerdutytest.Fault{pagerdutytest.Answer(503, "").Times(2)}, 3, true, nil, nil},
		{"one 408", []pagerdutytest.Fault{pagerdutytest.Answer(408, "")}, 2, true, nil, nil},
		{"one 429 without a word", []pagerdutytest.Fault{silent429()}, 2, true, nil, nil},
		{"hangs once", []pagerdutytest.Fault{pagerdutytest.Hang()}, 2, true, nil, nil},
		{
			"502 for good",
			[]pagerdutytest.Fault{pagerdutytest.Mask(502, pagerdutytest.HTMLPage).Always()},
			4, true,
			[]error{pagerduty.ErrInDoubt, pagerduty.ErrUnavailable},
			nil,
		},
		{
			"cut for good",
			[]pagerdutytest.Fault{pagerdutytest.ResetBefore().Always()},
			4, false,
			[]error{pagerduty.ErrInDoubt, pagerduty.ErrUnavailable},
			nil,
		},
		{
			"refused for good",
			[]pagerdutytest.Fault{pagerdutytest.Answer(403, pagerdutytest.ErrorBody(2010, "No")).Always()},
			1, false,
			[]error{pagerduty.ErrForbidden},
			[]error{pagerduty.ErrInDoubt, pagerduty.ErrUnavailable},
		},
		{
			"limited for longer than one waits",
			[]pagerdutytest.Fault{silent429().Header("ratelimit-reset", "42").Always()},
			1, false,
			[]error{pagerduty.ErrRateLimited},
			[]error{pagerduty.ErrInDoubt},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := pagerdutytest.New()
				id := fake.AddIncident("down")
				fake.Fault(pagerdutytest.UpdateIncident, tt.faults...)
				_, err := newClient(t, fake).SetConferenceBridge(t.Context(), id, someBridge)
				if tt.is == nil && err != nil {
					t.Errorf("error %v, want none", err)
				}
				checkError(t, err, tt.is, tt.isNot)
				if got := len(fake.Requests(pagerdutytest.UpdateIncident)); got != tt.calls {
					t.Errorf("%d calls, want %d", got, tt.calls)
				}
				if got := fake.Incident(id).Bridge == someBridge; got != tt.written {
					t.Errorf("written: %t, want %t", got, tt.written)
				}
			})
		})
	}
}

// silent429 is the rate limit's answer without body and headers.
func silent429() pagerdutytest.Fault {
	return pagerdutytest.Answer(429, "").
		Header("ratelimit-limit", "").Header("ratelimit-remaining", "").Header("ratelimit-reset", "")
}

func checkError(t *testing.T, err error, is, isNot []error) {
	t.Helper()
	for _, want := range is {
		if !errors.Is(err, want) {
			t.Errorf("error %v is not %v", err, want)
		}
	}
	for _, unwanted := range isNot {
		if errors.Is(err, unwanted) {
			t.Errorf("error %v is %v", err, unwanted)
		}
	}
}

func TestSetConferenceBridgeTellsARefusedNumber(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New(pagerdutytest.WithNumberCheck(pagerdutytest.NoStar))
	id := fake.AddIncident("down")
	client := newClient(t, fake)
	_, err := client.SetConferenceBridge(t.Context(), id, someBridge)
	checkError(t, err, []error{pagerduty.ErrNumber, pagerduty.ErrInvalid}, []error{pagerduty.ErrInDoubt})

	plain := pagerduty.ConferenceBridge{URL: someBridge.URL, DialIn: "+1 415 555 1212,,98765432101#"}
	if _, err := client.SetConferenceBridge(t.Context(), id, plain); err != nil {
		t.Errorf("plain number: %v", err)
	}
	_, err = client.SetConferenceBridge(t.Context(), id, pagerduty.ConferenceBridge{URL: "no link"})
	checkError(t, err, []error{pagerduty.ErrInvalid}, []error{pagerduty.ErrNumber})
}

func TestSetConferenceBridgeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := pagerdutytest.New()
		id := fake.AddIncident("down")
		fake.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Late(5*time.Second))
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start := time.Now()
		_, err := newClient(t, fake).SetConferenceBridge(ctx, id, someBridge)
		checkError(t, err, []error{context.DeadlineExceeded, pagerduty.ErrInDoubt, pagerduty.ErrUnavailable}, nil)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %s, want the 2s of the context", took)
		}
		if fake.Incident(id).Bridge == someBridge {
			t.Error("written already, want it late")
		}
		time.Sleep(3 * time.Second) // the bubble's clock: the write that nobody waits for lands
		if fake.Incident(id).Bridge != someBridge {
			t.Error("not written, want it late")
		}
	})
}

func TestClearConferenceBridgeReportsWhatItFound(t *testing.T) {
	t.Parallel()
	other := pagerduty.ConferenceBridge{URL: "https://human.example"}
	tests := []struct {
		name   string
		faults map[string]pagerdutytest.Fault
		change func(*pagerdutytest.Server, string) // after the write
		found  *pagerduty.ConferenceBridge
		is     []error
	}{
		{"gone", nil, nil, nil, nil},
		{
			"accepted and ignored",
			map[string]pagerdutytest.Fault{pagerdutytest.UpdateIncident: pagerdutytest.Answer(200, `{"incident":{"id":"P1"}}`)},
			nil, &someBridge,
			[]error{pagerduty.ErrNotCleared},
		},
		{
			"written anew by somebody", nil,
			func(fake *pagerdutytest.Server, id string) { fake.SetBridge(id, other) },
			&other,
			[]error{pagerduty.ErrNotCleared},
		},
		{
			"read back in vain",
			map[string]pagerdutytest.Fault{pagerdutytest.GetIncident: pagerdutytest.Answer(404, "").Always()},
			nil, nil,
			[]error{pagerduty.ErrInDoubt, pagerduty.ErrNotFound},
		},
		{
			"refused",
			map[string]pagerdutytest.Fault{pagerdutytest.UpdateIncident: pagerdutytest.Answer(400, pagerdutytest.ErrorBody(2001, "No"))},
			nil, nil,
			[]error{pagerduty.ErrInvalid},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fake := pagerdutytest.New()
			id := fake.AddIncident("down", func(i *pagerdutytest.Incident) { i.Bridge = someBridge })
			for op, fault := range tt.faults {
				fake.Fault(op, fault)
			}
			transport := roundTripper(func(r *http.Request) (*http.Response, error) {
				answer, err := fake.Transport().RoundTrip(r)
				if r.Method == http.MethodPut && tt.change != nil {
					tt.change(fake, id)
				}
				return answer, err
			})
			got, err := newClient(t, fake, pagerduty.WithTransport(transport)).ClearConferenceBridge(t.Context(), id)
			if tt.is == nil && err != nil {
				t.Fatal(err)
			}
			checkError(t, err, tt.is, nil)
			var found *pagerduty.ConferenceBridge
			if got != nil {
				found = got.ConferenceBridge
			}
			if diff := cmp.Diff(tt.found, found); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
}

func TestClearConferenceBridgeWritesBothKeysEmpty(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down", func(i *pagerdutytest.Incident) { i.Bridge = someBridge })
	got, err := newClient(t, fake).ClearConferenceBridge(t.Context(), id)
	if err != nil || got.ID != id || got.ConferenceBridge != nil || !got.BridgeKnown {
		t.Errorf("incident %+v, %v; want it read back without a bridge", got, err)
	}
	body := string(fake.Requests(pagerdutytest.UpdateIncident)[0].Body)
	want := `{"incident":{"type":"incident_reference","conference_bridge":{"conference_number":"","conference_url":""}}}`
	if body != want {
		t.Errorf("wrote %s, want %s", body, want)
	}
	if bridge := fake.Incident(id).Bridge; bridge != (pagerduty.ConferenceBridge{}) {
		t.Errorf("bridge %v is left", bridge)
	}
}

func TestWritesOfABridgeNeverSendAStatus(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down")
	fake.Resolve(id)
	client := newClient(t, fake)
	if _, err := client.SetConferenceBridge(t.Context(), id, someBridge); err != nil {
		t.Fatal(err)
	}
	if _, err := client.ClearConferenceBridge(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	for _, r := range fake.Requests(pagerdutytest.UpdateIncident) {
		if strings.Contains(string(r.Body), "status") {
			t.Errorf("wrote %s, which reopens what is resolved", r.Body)
		}
	}
	if got := fake.Incident(id).Status; got != "resolved" {
		t.Errorf("incident is %s, want resolved", got)
	}
}

func TestBridgeOfAnotherPlanOrAResolvedIncident(t *testing.T) {
	t.Parallel()
	poor := pagerdutytest.New(pagerdutytest.WithoutBridges())
	_, err := newClient(t, poor).SetConferenceBridge(t.Context(), poor.AddIncident("down"), someBridge)
	checkError(t, err, []error{pagerduty.ErrPlan}, []error{pagerduty.ErrInDoubt})

	frozen := pagerdutytest.New(pagerdutytest.WithResolvedFrozen())
	id := frozen.AddIncident("down")
	frozen.Resolve(id)
	_, err = newClient(t, frozen).SetConferenceBridge(t.Context(), id, someBridge)
	checkError(t, err, []error{pagerduty.ErrResolved}, []error{pagerduty.ErrInDoubt})
}

func TestConferenceBridgeIsNotLogged(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&text, nil), slog.NewJSONHandler(&text, nil)} {
		slog.New(handler).Info("set", "bridge", someBridge)
	}
	if strings.Contains(text.String(), "98765432101") || !strings.Contains(text.String(), "[redacted]") {
		t.Errorf("log %s, want [redacted]", &text)
	}
}

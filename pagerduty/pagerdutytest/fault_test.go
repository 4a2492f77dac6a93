package pagerdutytest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		fault   pagerdutytest.Fault
		status  int   // of the answer; 0: none
		err     error // of the call, when there is no answer
		written bool
	}{
		{"answer", pagerdutytest.Answer(503, pagerdutytest.HTMLPage), 503, nil, false},
		{"mask", pagerdutytest.Mask(502, "{"), 502, nil, true},
		{"delay", pagerdutytest.Delay(time.Millisecond), 200, nil, true},
		{"reset before", pagerdutytest.ResetBefore(), 0, syscall.ECONNRESET, false},
		{"reset after", pagerdutytest.ResetAfter(), 0, syscall.ECONNRESET, true},
		{"truncate", pagerdutytest.Truncate(), 0, io.ErrUnexpectedEOF, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fake := pagerdutytest.New()
			for _, way := range bothWays(t, fake) {
				id := fake.AddIncident("down")
				fake.Fault(pagerdutytest.UpdateIncident, tt.fault)
				resp, _, err := way.call(t.Context(), fake, "PUT", "/incidents/"+id, bridgeWrite)
				if !errors.Is(err, tt.err) {
					t.Errorf("%s: error %v, want %v", way.name, err, tt.err)
				}
				if tt.status != 0 && (resp == nil || resp.StatusCode != tt.status) {
					t.Errorf("%s: answer %v, want %d", way.name, resp, tt.status)
				}
				if got := fake.Incident(id).Bridge.URL != ""; got != tt.written {
					t.Errorf("%s: written %t, want %t", way.name, got, tt.written)
				}
				if resp, _, err := way.call(t.Context(), fake, "PUT", "/incidents/"+id, bridgeWrite); err != nil || resp.StatusCode != 200 {
					t.Errorf("%s: call after the fault: %v, %v", way.name, resp, err)
				}
			}
		})
	}
}

func TestFaultsThatOutlastTheCaller(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		fault   pagerdutytest.Fault
		written bool // in the end
	}{
		{"hang", pagerdutytest.Hang(), false},
		{"delay", pagerdutytest.Delay(5 * time.Second), false},
		{"answer after a delay", pagerdutytest.Answer(200, "{}").After(5 * time.Second), false},
		{"late", pagerdutytest.Late(5 * time.Second), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := pagerdutytest.New()
				id := fake.AddIncident("down")
				fake.Fault(pagerdutytest.Any, tt.fault)
				way := in{"memory", &http.Client{Transport: fake.Transport()}, "https://api.pagerduty.com"}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, _, err := way.call(ctx, fake, "PUT", "/incidents/"+id, bridgeWrite); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v, want the deadline", err)
				}
				if fake.Incident(id).Bridge.URL != "" {
					t.Error("written at once")
				}
				time.Sleep(4 * time.Second)
				if got := fake.Incident(id).Bridge.URL != ""; got != tt.written {
					t.Errorf("written in the end: %t, want %t", got, tt.written)
				}
			})
		})
	}
}

func TestFaultsMeetTheRightCalls(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down")
	way := bothWays(t, fake)[0]
	fake.Fault(pagerdutytest.GetIncident, pagerdutytest.Answer(500, "").Times(2), pagerdutytest.Answer(502, ""))
	fake.Fault(pagerdutytest.Any, pagerdutytest.Answer(503, "").Always())
	var got []int
	get := func(path string) {
		resp, _, err := way.call(t.Context(), fake, "GET", path, "")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, resp.StatusCode)
	}
	for _, path := range []string{"/users", "/incidents/" + id, "/incidents/" + id, "/incidents/" + id, "/incidents/" + id} {
		get(path)
	}
	fake.ClearFaults()
	get("/incidents/" + id)
	if diff := cmp.Diff([]int{503, 500, 500, 502, 503, 200}, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	var logged []int
	for _, r := range fake.Requests() {
		logged = append(logged, r.Status)
	}
	if diff := cmp.Diff(got, logged); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	if n := len(fake.Requests(pagerdutytest.ListUsers)); n != 1 {
		t.Errorf("%d requests for users in the log, want 1", n)
	}
}

func TestMistakesOfATestPanic(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	for name, mistake := range map[string]func(){
		"unknown operation": func() { fake.Fault("set_bridge", pagerdutytest.Hang()) },
		"unknown incident":  func() { fake.Resolve("QNONE") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s passes in silence", name)
				}
			}()
			mistake()
		}()
	}
}

func TestCloseEndsHangingCalls(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	fake.Fault(pagerdutytest.Any, pagerdutytest.Hang().Always())
	way := bothWays(t, fake)[1]
	ended := make(chan error)
	go func() {
		_, _, err := way.call(t.Context(), fake, "GET", "/users", "")
		ended <- err
	}()
	for len(fake.Requests()) == 0 { // until it has arrived
		runtime.Gosched()
	}
	fake.Close()
	if err := <-ended; err == nil {
		t.Error("the hanging call was answered")
	}
}

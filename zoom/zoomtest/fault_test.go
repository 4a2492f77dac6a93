package zoomtest_test

import (
	"context"
	"errors"
	"io"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		fault  zoomtest.Fault
		status int
		err    error
		made   int
	}{
		{"answer", zoomtest.Answer(503, `{}`), 503, nil, 0},
		{"mask", zoomtest.Mask(502, `{}`), 502, nil, 1},
		{"reset before", zoomtest.ResetBefore(), 0, syscall.ECONNRESET, 0},
		{"reset after", zoomtest.ResetAfter(), 0, syscall.ECONNRESET, 1},
		{"truncate", zoomtest.Truncate(), 201, io.ErrUnexpectedEOF, 1},
	}
	for _, test := range tests {
		for kind, newCaller := range map[string]func(*testing.T, *zoomtest.Server) *caller{
			"memory": newCaller, "socket": newSocketCaller,
		} {
			t.Run(test.name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				fake := zoomtest.New(zoomtest.WithUsers(host))
				client := newCaller(t, fake)
				fake.Fault(zoomtest.CreateMeeting, test.fault)
				status, _, err := client.call(t.Context(), t, "POST", "/users/host@example.com/meetings", `{}`)
				if status != test.status || !errors.Is(err, test.err) {
					t.Errorf("%d and %v, want %d and %v", status, err, test.status, test.err)
				}
				if made := len(fake.Meetings()); made != test.made {
					t.Errorf("%d meetings, want %d", made, test.made)
				}
				// It met one request, and the next is fine.
				if status, _ := client.must(t, "POST", "/users/host@example.com/meetings", `{}`); status != 201 {
					t.Errorf("the next got %d", status)
				}
			})
		}
	}
}

func TestFaultsInTime(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		fault      zoomtest.Fault
		took       time.Duration
		gaveUp     bool
		made, late int // meetings at once, and an hour later
	}{
		{"hang", zoomtest.Hang(), 5 * time.Second, true, 0, 0},
		{"short delay", zoomtest.Delay(time.Second), time.Second, false, 1, 1},
		{"long delay", zoomtest.Delay(time.Minute), 5 * time.Second, true, 0, 0},
		{"slow cut", zoomtest.ResetAfter().After(time.Second), time.Second, false, 1, 1},
		{"late, and still waited for", zoomtest.Late(time.Second), 5 * time.Second, true, 1, 1},
		{"late", zoomtest.Late(time.Minute), 5 * time.Second, true, 0, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := zoomtest.New(zoomtest.WithUsers(host))
				client := newCaller(t, fake)
				fake.Fault(zoomtest.CreateMeeting, test.fault)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				begin := time.Now()
				_, _, err := client.call(ctx, t, "POST", "/users/host@example.com/meetings", `{}`)
				if took := time.Since(begin); took != test.took {
					t.Errorf("it took %s, want %s", took, test.took)
				}
				if gaveUp := errors.Is(err, context.DeadlineExceeded); gaveUp != test.gaveUp {
					t.Errorf("got %v, want the deadline %t", err, test.gaveUp)
				}
				if made := len(fake.Meetings()); made != test.made {
					t.Errorf("%d meetings, want %d", made, test.made)
				}
				<-time.After(time.Hour)
				late := fake.Meetings()
				if len(late) != test.late {
					t.Errorf("%d meetings an hour later, want %d", len(late), test.late)
				}
				if test.name == "late" && !late[0].CreatedAt.Equal(begin.Add(time.Minute)) {
					t.Errorf("made at %s, want a minute after %s", late[0].CreatedAt, begin)
				}
			})
		})
	}
}

func TestFaultQueue(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	client := newCaller(t, fake)
	fake.Fault(zoomtest.GetMeeting, zoomtest.Answer(500, "").Times(2), zoomtest.Answer(501, ""))
	fake.Fault(zoomtest.Any, zoomtest.Answer(502, "").Header("Retry-After", "1").Always())
	var got []int
	for range 5 {
		status, _ := client.must(t, "GET", "/meetings/1", "")
		got = append(got, status)
	}
	fake.ClearFaults()
	status, _ := client.must(t, "GET", "/meetings/1", "")
	if diff := cmp.Diff([]int{500, 500, 501, 502, 502, 404}, append(got, status)); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	var logged []int
	for _, request := range fake.Requests(zoomtest.GetMeeting) {
		logged = append(logged, request.Status)
	}
	if diff := cmp.Diff(append(got, status), logged); diff != "" {
		t.Errorf("logged statuses (-want +got):\n%s", diff)
	}
	defer func() {
		if recover() == nil {
			t.Error("a fault for an unknown operation was taken")
		}
	}()
	fake.Fault("craete", zoomtest.Hang())
}

package zoom_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// faultCase is a fault, and how a create and every other call come through it.
type faultCase struct {
	name  string
	fault zoomtest.Fault

	create []string // reasons of the error; nil: no error
	sent   int      // creates that reached Zoom
	made   int      // meetings that exist afterwards

	read      []string // the same for a read, which is idempotent
	readTimes int
}

func faultCases() []faultCase {
	inDoubt := []string{"ErrUnavailable", "ErrInDoubt"}
	down := []string{"ErrUnavailable"}
	limited := []string{"ErrRateLimited"}
	daily := []string{"ErrRateLimited", "ErrDailyLimit"}
	cases := []faultCase{
		{"cut before it is processed", zoomtest.ResetBefore(), inDoubt, 1, 0, nil, 2},
		{"cut after it was processed", zoomtest.ResetAfter(), inDoubt, 1, 1, nil, 2},
		{"cut in the middle of the answer", zoomtest.Truncate(), inDoubt, 1, 1, nil, 2},
		{"cut for good", zoomtest.ResetBefore().Always(), inDoubt, 1, 0, down, 4},
		{"created under an error page", zoomtest.Mask(502, "<html>Bad gateway</html>"), inDoubt, 1, 1, nil, 2},
		{"an error page as success", zoomtest.Mask(200, "<html>Sorry</html>"), inDoubt, 1, 1, down, 1},
		{"broken JSON", zoomtest.Mask(201, `{"id":1,"join_url":`), inDoubt, 1, 1, down, 1},
		{"success without a meeting", zoomtest.Mask(200, `{"code":0,"error_message":"success"}`), inDoubt, 1, 1, down, 1},
		{"a meeting without a link", zoomtest.Mask(201, `{"id":1}`), inDoubt, 1, 1, nil, 1},
		{"an empty answer", zoomtest.Mask(201, ""), inDoubt, 1, 1, down, 1},
		{"too large", zoomtest.Mask(201, `{"x":"`+strings.Repeat("x", 1<<20)+`"}`), inDoubt, 1, 1, down, 1},
		{"408", zoomtest.Answer(408, ""), inDoubt, 1, 0, nil, 2},
		{"500", zoomtest.Answer(500, `{"code":4711,"message":"scopes:[a]"}`), inDoubt, 1, 0, nil, 2},
		{"503 for good", zoomtest.Answer(503, `{"code":300}`).Always(), inDoubt, 1, 0, down, 4},
		{"504 for good", zoomtest.Answer(504, "").Always(), inDoubt, 1, 0, down, 4},
		{"QPS limit", zoomtest.Answer(429, `{"code":429}`).Header("X-RateLimit-Type", "QPS"), limited, 1, 0, nil, 2},
		{"bare limit", zoomtest.Answer(429, ``).Always(), limited, 1, 0, limited, 4},
		{
			"daily limit of the account",
			zoomtest.Answer(429, `{"code":429}`).Header("X-RateLimit-Type", "Daily-limit").Always(), daily, 1, 0, daily, 1,
		},
		{
			"daily limit by its words",
			zoomtest.Answer(429, `{"code":429,"message":"You have reached the maximum daily rate limit."}`).Always(),
			daily, 1, 0, daily, 1,
		},
		{
			"daily limit of the host",
			zoomtest.Answer(429, `{"code":429,"message":"A maximum of 100 meetings may be made."}`).Always(), daily, 1, 0, daily, 1,
		},
		{"expired token", zoomtest.Answer(401, `{"code":124,"message":"Expired."}`), nil, 2, 1, nil, 2},
		{
			"token refused for good", zoomtest.Answer(401, `{"code":124,"message":"Expired."}`).Always(),
			[]string{"ErrUnauthorized"},
			2, 0,
			[]string{"ErrUnauthorized"},
			2,
		},
		{
			"401 without a code", zoomtest.Answer(401, "").Always(),
			[]string{"ErrUnauthorized"},
			1, 0,
			[]string{"ErrUnauthorized"},
			1,
		},
	}
	for name, want := range map[string]struct{ body, reason string }{
		"bad field":      {`{"code":300,"message":"Validation Failed."}`, "ErrInvalid"},
		"unknown host":   {`{"code":1001}`, "ErrHost"},
		"foreign host":   {`{"code":1010}`, "ErrHost"},
		"pending host":   {`{"code":"1120"}`, "ErrHost"},
		"no licence":     {`{"code":3161}`, "ErrHost"},
		"paid only":      {`{"code":200,"message":"Only available for paid accounts."}`, "ErrPlan"},
		"no scope":       {`{"code":4711,"message":"does not contain scopes:[a]"}`, "ErrMissingScopes"},
		"no scope, 200":  {`{"code":200,"message":"does not contain scopes:[a]"}`, "ErrMissingScopes"},
		"no scope, 4700": {`{"code":4700,"message":"Token cannot be empty."}`, "ErrMissingScopes"},
	} {
		cases = append(cases, faultCase{
			name: name, fault: zoomtest.Answer(400, want.body),
			create: []string{want.reason}, sent: 1, read: []string{want.reason}, readTimes: 1,
		})
	}
	return cases
}

func TestCreateIsSentOnceUnderEveryFault(t *testing.T) {
	t.Parallel()
	for _, test := range faultCases() {
		t.Run("memory/"+test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := zoomtest.New(zoomtest.WithUsers(host))
				before := time.Now()
				testCreateFault(t, fake, newClient(t, fake), test)
				if waited := time.Since(before); waited != 0 {
					t.Errorf("a create waited %s", waited)
				}
			})
		})
		t.Run("socket/"+test.name, func(t *testing.T) {
			t.Parallel()
			fake := zoomtest.New(zoomtest.WithUsers(host))
			testCreateFault(t, fake, newSocketClient(t, fake), test)
		})
	}
}

func testCreateFault(t *testing.T, fake *zoomtest.Server, client *zoom.Client, test faultCase) {
	t.Helper()
	fake.Fault(zoomtest.CreateMeeting, test.fault)
	meeting, err := client.CreateMeeting(t.Context(), host, incident())
	if diff := cmp.Diff(test.create, reasons(err)); diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if (meeting == nil) == (err == nil) {
		t.Errorf("got %v and %v, want either a meeting or an error", meeting, err)
	}
	if sent := len(fake.Requests(zoomtest.CreateMeeting)); sent != test.sent {
		t.Errorf("%d creates were sent, want %d", sent, test.sent)
	}
	if made := len(fake.Meetings()); made != test.made {
		t.Errorf("%d meetings exist, want %d", made, test.made)
	}
}

func TestReadsComeThroughWhatPasses(t *testing.T) {
	t.Parallel()
	for _, test := range faultCases() {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := zoomtest.New(zoomtest.WithUsers(host))
				client := newClient(t, fake)
				id := mustCreate(t, client).ID
				fake.Fault(zoomtest.GetMeeting, test.fault)
				_, err := client.Meeting(t.Context(), id)
				if diff := cmp.Diff(test.read, reasons(err)); diff != "" {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
				if times := len(fake.Requests(zoomtest.GetMeeting)); times != test.readTimes {
					t.Errorf("read %d times, want %d", times, test.readTimes)
				}
			})
		})
	}
}

// Ending and deleting twice does no harm, so they come through a lost answer.
func TestEndAndDeleteComeThroughALostAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := zoomtest.New(zoomtest.WithUsers(host))
		client := newClient(t, fake)
		id := mustCreate(t, client).ID
		fake.Fault(zoomtest.EndMeeting, zoomtest.ResetAfter(), zoomtest.Answer(503, ""))
		fake.Fault(zoomtest.DeleteMeeting, zoomtest.ResetAfter(), zoomtest.Mask(502, ""))
		if err := client.EndMeeting(t.Context(), id); err != nil {
			t.Error(err)
		}
		if err := client.DeleteMeeting(t.Context(), id); err != nil {
			t.Error(err)
		}
		if ends, deletes := len(fake.Requests(zoomtest.EndMeeting)), len(fake.Requests(zoomtest.DeleteMeeting)); ends != 3 || deletes != 3 {
			t.Errorf("%d ends and %d deletes, want 3 of each", ends, deletes)
		}
	})
}

func TestCreateGivenUpByTheCallerIsInDoubt(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]zoomtest.Fault{
		"never answered":     zoomtest.Hang(),
		"answered too late":  zoomtest.Delay(time.Minute),
		"processed too late": zoomtest.Late(5 * time.Second),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := zoomtest.New(zoomtest.WithUsers(host))
				client := newClient(t, fake)
				fake.Fault(zoomtest.CreateMeeting, fault)
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				_, err := client.CreateMeeting(ctx, host, incident())
				if diff := cmp.Diff([]string{"ErrUnavailable", "ErrInDoubt"}, reasons(err)); diff != "" {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v hides the deadline", err)
				}
				if sent := len(fake.Requests(zoomtest.CreateMeeting)); sent != 1 {
					t.Errorf("%d creates were sent, want 1", sent)
				}
			})
		})
	}
}

func TestNothingIsInDoubtThatNeverLeft(t *testing.T) {
	t.Parallel()
	t.Run("context over", func(t *testing.T) {
		t.Parallel()
		fake := zoomtest.New(zoomtest.WithUsers(host))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := newClient(t, fake).CreateMeeting(ctx, host, incident())
		if !errors.Is(err, context.Canceled) || errors.Is(err, zoom.ErrInDoubt) {
			t.Errorf("got %v", err)
		}
		asError(t, err)
	})
	t.Run("no token", func(t *testing.T) {
		t.Parallel()
		fake := zoomtest.New(zoomtest.WithUsers(host))
		fake.Fault(zoomtest.GiveToken, zoomtest.Answer(400, `{"error":"invalid_client"}`))
		_, err := newClient(t, fake).CreateMeeting(t.Context(), host, incident())
		if diff := cmp.Diff([]string{"ErrCredentials"}, reasons(err)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
	t.Run("dial fails for good", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			_, err := createThroughDialFaults(t, 1000)
			if diff := cmp.Diff([]string{"ErrUnavailable"}, reasons(err)); diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	})
	t.Run("dial fails twice", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			sent, err := createThroughDialFaults(t, 2)
			if err != nil || sent != 1 {
				t.Errorf("%d creates and %v, want one that succeeds", sent, err)
			}
		})
	})
}

// createThroughDialFaults makes the first connections for a create fail.
func createThroughDialFaults(t *testing.T, times int) (sent int, err error) {
	t.Helper()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/meetings") && times > 0 {
			times--
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		}
		return fake.Transport().RoundTrip(r)
	})
	_, err = newClient(t, fake, zoom.WithTransport(transport)).CreateMeeting(t.Context(), host, incident())
	return len(fake.Requests(zoomtest.CreateMeeting)), err
}

func TestDailyLimitLastsForTheDay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := zoomtest.New(zoomtest.WithUsers(host), zoomtest.WithDailyLimit(2))
		client := newClient(t, fake)
		mustCreate(t, client)
		mustCreate(t, client)
		_, err := client.CreateMeeting(t.Context(), host, incident())
		if diff := cmp.Diff([]string{"ErrRateLimited", "ErrDailyLimit"}, reasons(err)); diff != "" {
			t.Errorf("the third: %v (-want +got):\n%s", err, diff)
		}
		<-time.After(24 * time.Hour)
		mustCreate(t, client)
	})
}

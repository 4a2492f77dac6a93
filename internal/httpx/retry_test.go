package httpx_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
)

var errReset = errors.New("connection reset by peer")

func TestWhatIsTriedAgain(t *testing.T) {
	t.Parallel()
	status := func(status int, headers ...string) transport {
		return func(*http.Request) (*http.Response, error) { return answer(status, "{}", headers...), nil }
	}
	broken := func(err error) transport {
		return func(*http.Request) (*http.Response, error) { return nil, err }
	}
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	daily := status(429, "X-RateLimit-Type", "Daily-limit")
	for _, test := range []struct {
		name     string
		method   string
		vendor   transport
		attempts int
	}{
		{"200", "GET", status(200), 1},
		{"400", "GET", status(400), 1},
		{"401", "GET", status(401), 1},
		{"408", "GET", status(408), 4},
		{"429", "GET", status(429), 4},
		{"429 that is refused", "GET", daily, 1},
		{"500", "GET", status(500), 4},
		{"501", "GET", status(501), 1},
		{"502", "GET", status(502), 4},
		{"503", "GET", status(503), 4},
		{"599", "GET", status(599), 4},
		{"a fault after sending", "GET", broken(errReset), 4},
		{"a refused dial", "GET", broken(refused), 4},
		{"PUT", "PUT", status(503), 4},
		{"DELETE", "DELETE", status(503), 4},
		{"HEAD", "HEAD", status(503), 4},
		{"POST 408", "POST", status(408), 1},
		{"POST 429", "POST", status(429), 1},
		{"POST 503", "POST", status(503), 1},
		{"POST and a fault after sending", "POST", broken(errReset), 1},
		{"POST and a refused dial", "POST", broken(refused), 4},
		{"PATCH", "PATCH", status(503), 1},
		{"an unknown method", "PURGE", status(503), 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			attempts := 0
			client := newClient(t, httpx.Config{
				Jitter: none,
				Transport: transport(func(r *http.Request) (*http.Response, error) {
					attempts++
					return test.vendor(r)
				}),
				Refused: func(resp *http.Response, body []byte) bool {
					return string(body) == "{}" && resp.Header.Get("X-RateLimit-Type") == "Daily-limit"
				},
			})
			resp, err := client.Do(newRequest(t, test.method, vendor, "body"))
			if attempts != test.attempts {
				t.Errorf("got %d attempts, want %d", attempts, test.attempts)
			}
			if err == nil && read(t, resp) != "{}" {
				t.Error("the answer lost its body")
			}
		})
	}
}

func TestIdempotentOverridesTheMethod(t *testing.T) {
	t.Parallel()
	attempts := 0
	client := newClient(t, httpx.Config{Jitter: none, Transport: transport(
		func(*http.Request) (*http.Response, error) { attempts++; return answer(503, ""), nil })})
	for _, test := range []struct {
		method string
		yes    bool
		want   int
	}{{"POST", true, 4}, {"POST", false, 1}, {"GET", true, 4}, {"GET", false, 1}} {
		attempts = 0
		req := newRequest(t, test.method, vendor, "")
		if _, err := client.Do(req.WithContext(httpx.Idempotent(t.Context(), test.yes))); err != nil {
			t.Fatal(err)
		}
		if attempts != test.want {
			t.Errorf("Idempotent(%v) %s: got %d attempts, want %d", test.yes, test.method, attempts, test.want)
		}
	}
}

func TestMalformedRequestsAreTriedOnce(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"gopher://zoom.us/", "https:///no-host"} {
		waits := 0
		client := newClient(t, httpx.Config{Jitter: func(time.Duration) time.Duration { waits++; return 0 }})
		_, err := client.Do(newRequest(t, "POST", target, "body"))
		if fault(t, err).Sent || waits != 0 {
			t.Errorf("%s: got %v after %d waits, want it never sent and no retry", target, err, waits)
		}
	}
}

// waits returns how long the pauses between the attempts of one GET were, and its
// outcome.
func waits(
	t *testing.T, ctx context.Context, config httpx.Config, vendor transport,
) ([]time.Duration, *http.Response, error) {
	t.Helper()
	var pauses []time.Duration
	var ended time.Time
	config.Transport = transport(func(r *http.Request) (*http.Response, error) {
		if !ended.IsZero() {
			pauses = append(pauses, time.Since(ended))
		}
		defer func() { ended = time.Now() }()
		return vendor(r)
	})
	req := newRequest(t, "GET", "https://api.zoom.us/", "").WithContext(ctx)
	resp, err := newClient(t, config).Do(req)
	return pauses, resp, err
}

func TestWaitsDoubleUpToTheirCeiling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		got, _, err := waits(t, t.Context(), httpx.Config{MaxAttempts: 8, Jitter: whole},
			func(*http.Request) (*http.Response, error) { return answer(500, ""), nil })
		if err != nil {
			t.Fatal(err)
		}
		const ms = time.Millisecond
		want := []time.Duration{250 * ms, 500 * ms, 1000 * ms, 2000 * ms, 4000 * ms, 4000 * ms, 4000 * ms}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("waits (-want +got):\n%s", diff)
		}
	})
}

func TestJitterIsFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		low, high := time.Hour, time.Duration(0)
		for range 200 {
			got, _, err := waits(t, t.Context(), httpx.Config{MaxAttempts: 2},
				func(*http.Request) (*http.Response, error) { return answer(500, ""), nil })
			if err != nil {
				t.Fatal(err)
			}
			low, high = min(low, got[0]), max(high, got[0])
		}
		// The odds that 200 uniform draws miss either tenth are below one in a thousand
		// million.
		if low > 25*time.Millisecond || high < 225*time.Millisecond || high > 250*time.Millisecond {
			t.Errorf("first waits lie between %v and %v, want them to fill 0 to 250ms", low, high)
		}
	})
}

func TestTheVendorsWaitIsKept(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		resp func() *http.Response
		want time.Duration
	}{
		{"seconds", func() *http.Response { return answer(429, "", "Retry-After", "7") }, 7 * time.Second},
		{"a date", func() *http.Response {
			return answer(503, "", "Retry-After", time.Now().Add(3*time.Second).UTC().Format(http.TimeFormat))
		}, 3 * time.Second},
		{"a date-time", func() *http.Response {
			return answer(429, "", "Retry-After", time.Now().Add(3*time.Second).UTC().Format(time.RFC3339))
		}, 3 * time.Second},
		{"a reset", func() *http.Response { return answer(429, "", "ratelimit-reset", "4") }, 4 * time.Second},
		{"a reset that limits nothing", func() *http.Response { return answer(500, "", "ratelimit-reset", "4") }, 0},
		{"garbage", func() *http.Response { return answer(503, "", "Retry-After", "soon") }, 0},
		{"the past", func() *http.Response { return answer(503, "", "Retry-After", "-5") }, 0},
		{"a limit that names no time", func() *http.Response { return answer(429, "") }, time.Second},
		{"a limit with garbage", func() *http.Response { return answer(429, "", "Retry-After", "soon") }, time.Second},
	} {
		for name, jitter := range map[string]func(time.Duration) time.Duration{"none": none, "whole": whole} {
			t.Run(test.name+", jitter "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					got, _, err := waits(t, t.Context(), httpx.Config{MaxAttempts: 2, Jitter: jitter},
						func(*http.Request) (*http.Response, error) { return test.resp(), nil })
					want := test.want + jitter(250*time.Millisecond)
					if err != nil || len(got) != 1 || got[0] != want {
						t.Errorf("waited %v (%v), want %v", got, err, want)
					}
				})
			})
		}
	}
}

func TestAWaitThatLeadsNowhereIsNotBegun(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		asked    string
		config   httpx.Config
		deadline time.Duration // of the caller
	}{
		{"above MaxWait", "11", httpx.Config{}, time.Hour},
		{"above a MaxWait of one's own", "3", httpx.Config{MaxWait: 2 * time.Second}, time.Hour},
		{"absurd", "99999999999999999999", httpx.Config{}, time.Hour},
		{"beyond the caller's deadline", "9", httpx.Config{}, 5 * time.Second},
		{"beyond the total timeout", "9", httpx.Config{TotalTimeout: 5 * time.Second}, time.Hour},
		{"of our own, beyond the deadline", "", httpx.Config{}, 200 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				test.config.Jitter = whole
				ctx, cancel := context.WithTimeout(t.Context(), test.deadline)
				defer cancel()
				begun := time.Now()
				got, resp, err := waits(t, ctx, test.config, func(*http.Request) (*http.Response, error) {
					return answer(429, "slow down", "Retry-After", test.asked), nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if len(got) != 0 || time.Since(begun) != 0 || resp.StatusCode != 429 || read(t, resp) != "slow down" {
					t.Errorf("got %v after waits of %v, want the 429 at once", resp, got)
				}
			})
		})
	}
}

func TestTimeLimits(t *testing.T) {
	t.Parallel()
	slowBody := func(r *http.Request) (*http.Response, error) {
		resp := answer(200, "")
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader("half"), untilDone{r.Context()}))
		return resp, nil
	}
	ownWords := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, errors.New("the transport's own words")
	}
	for _, test := range []struct {
		name     string
		config   httpx.Config
		vendor   transport
		deadline time.Duration // of the caller
		want     string        // attempts and time in all
	}{
		{"an attempt ends after 10s, the call after 30s", httpx.Config{}, hang, time.Hour, "3 in 30s"},
		{"attempts of one's own", httpx.Config{AttemptTimeout: time.Second}, hang, time.Hour, "4 in 5.75s"},
		{"a total of one's own", httpx.Config{TotalTimeout: time.Second}, hang, time.Hour, "1 in 1s"},
		{"the caller's deadline wins", httpx.Config{}, hang, 3 * time.Second, "1 in 3s"},
		{"the body counts", httpx.Config{AttemptTimeout: time.Second}, slowBody, time.Hour, "4 in 5.75s"},
		{"whatever the transport calls it", httpx.Config{AttemptTimeout: time.Second}, ownWords, time.Hour, "4 in 5.75s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			// A goroutine that outlives Do makes synctest fail.
			synctest.Test(t, func(t *testing.T) {
				test.config.Jitter = whole
				ctx, cancel := context.WithTimeout(t.Context(), test.deadline)
				defer cancel()
				begun := time.Now()
				pauses, _, err := waits(t, ctx, test.config, test.vendor)
				if got := fmt.Sprintf("%d in %v", len(pauses)+1, time.Since(begun)); got != test.want {
					t.Errorf("got %s, want %s", got, test.want)
				}
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want a deadline exceeded", err)
				}
			})
		})
	}
}

// untilDone is a body of which no more comes.
type untilDone struct{ ctx context.Context }

func (b untilDone) Read([]byte) (int, error) {
	<-b.ctx.Done()
	return 0, b.ctx.Err()
}

func TestRedirectsShareTheTimeOfTheirAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		_, _, err := waits(t, t.Context(), httpx.Config{MaxAttempts: 1}, func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/" {
				time.Sleep(7 * time.Second)
				return answer(307, "", "Location", "/next"), nil
			}
			return hang(r)
		})
		if got := time.Since(begun); got != 10*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v after %v, want a deadline exceeded after 10s", err, got)
		}
	})
}

func TestTheCallersContextSurvives(t *testing.T) {
	t.Parallel()
	mine := errors.New("the incident is over")
	busy := func(*http.Request) (*http.Response, error) { return answer(503, "", "Retry-After", "9"), nil }
	for _, test := range []struct {
		name   string
		vendor transport
		cancel time.Duration
		want   error
		calls  int
		sent   bool
	}{
		{"cancelled before it began", hang, 0, context.Canceled, 0, false},
		{"cancelled on the way", hang, time.Second, context.Canceled, 1, true},
		{"cancelled in a wait", busy, time.Second, context.Canceled, 1, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				counted := transport(func(r *http.Request) (*http.Response, error) {
					calls++
					return test.vendor(r)
				})
				client := newClient(t, httpx.Config{Jitter: none, Transport: counted})
				ctx, cancel := context.WithCancelCause(t.Context())
				if test.cancel == 0 {
					cancel(mine)
				} else {
					defer time.AfterFunc(test.cancel, func() { cancel(mine) }).Stop()
				}
				_, err := client.Do(newRequest(t, "GET", vendor, "").WithContext(ctx))
				if !errors.Is(err, test.want) || calls != test.calls || fault(t, err).Sent != test.sent {
					t.Errorf("got %v after %d calls, want %v after %d, sent %v", err, calls, test.want, test.calls, test.sent)
				}
			})
		})
	}
}

func TestACancelledCallKeepsTheTransportsError(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	client := newClient(t, httpx.Config{Transport: transport(func(*http.Request) (*http.Response, error) {
		cancel()
		return nil, errReset
	})})
	_, err := client.Do(newRequest(t, "GET", vendor, "").WithContext(ctx))
	if !errors.Is(err, context.Canceled) || !errors.Is(err, errReset) {
		t.Errorf("got %v, want both the cancellation and the reset", err)
	}
}

func TestACauseOfTheCallersDoesNotHideTheCancellation(t *testing.T) {
	t.Parallel()
	// net/http's own transport reports the cause of a context, not its error.
	server := newServer(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	client := newClient(t, httpx.Config{})
	mine := errors.New("the incident is over")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, mine)
	defer cancel()
	_, err := client.Do(newRequest(t, "GET", server.URL, "").WithContext(ctx))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want a deadline exceeded", err)
	}
}

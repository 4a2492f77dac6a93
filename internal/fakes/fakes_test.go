package fakes_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/internal/fakes"
)

// counter is a fake vendor: "POST /count" counts, and answers with nothing to read when
// asked to.
type counter struct {
	*fakes.Server
	counted []time.Time
}

func newCounter() *counter {
	c := &counter{Server: fakes.New("countertest")}
	c.Handle("POST /count", "count", func(in *fakes.Exchange) fakes.Answer {
		c.counted = append(c.counted, in.Now)
		if string(in.Content) == "quietly" {
			return fakes.Answer{Status: http.StatusNoContent}
		}
		return fakes.Answer{Status: http.StatusCreated, Body: []byte(`{"counted":true}`)}
	})
	c.Handle("/", "", func(*fakes.Exchange) fakes.Answer { return fakes.Answer{Status: http.StatusNotFound} })
	return c
}

func (c *counter) count() int {
	c.Lock()
	defer c.Unlock()
	return len(c.counted)
}

// ways are the two to reach it.
func ways(t *testing.T, c *counter) map[string]func(ctx context.Context, body string) (*http.Response, string, error) {
	t.Helper()
	t.Cleanup(c.Close)
	way := func(client *http.Client, base string) func(context.Context, string) (*http.Response, string, error) {
		return func(ctx context.Context, body string) (*http.Response, string, error) {
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/count?x=1", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(request)
			if err != nil {
				return nil, "", err
			}
			defer resp.Body.Close()
			content, err := io.ReadAll(resp.Body)
			return resp, string(content), err
		}
	}
	return map[string]func(context.Context, string) (*http.Response, string, error){
		"memory": way(&http.Client{Transport: c.Transport()}, "https://api.example.com"),
		"socket": way(&http.Client{Transport: &http.Transport{}}, c.URL()),
	}
}

func TestFaultsAreTheSameInMemoryAndOnASocket(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		fault  fakes.Fault
		body   string
		status int    // 0: no answer
		answer string // "": none, or cut off
		err    error
		counts int
	}{
		{"none", fakes.Delaying(0), "", 201, `{"counted":true}`, nil, 1},
		{"no content", fakes.Delaying(0), "quietly", 204, "", nil, 1},
		{"answer", fakes.Answering(503, "<html>"), "", 503, "<html>", nil, 0},
		{"mask", fakes.Masking(502, "{"), "", 502, "{", nil, 1},
		{"delay", fakes.Delaying(time.Millisecond), "", 201, `{"counted":true}`, nil, 1},
		{"reset before", fakes.ResettingBefore(), "", 0, "", syscall.ECONNRESET, 0},
		{"reset after", fakes.ResettingAfter(), "", 0, "", syscall.ECONNRESET, 1},
		{"truncate", fakes.Truncating(), "", 201, "", io.ErrUnexpectedEOF, 1},
		{"truncate nothing", fakes.Truncating(), "quietly", 0, "", syscall.ECONNRESET, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newCounter()
			for name, call := range ways(t, c) {
				before := c.count()
				c.Fault("count", test.fault)
				resp, answer, err := call(t.Context(), test.body)
				if !errors.Is(err, test.err) {
					t.Errorf("%s: error %v, want %v", name, err, test.err)
				}
				if status := statusOf(resp); status != test.status {
					t.Errorf("%s: status %d, want %d", name, status, test.status)
				}
				if test.err == nil && answer != test.answer {
					t.Errorf("%s: answer %q, want %q", name, answer, test.answer)
				}
				if counts := c.count() - before; counts != test.counts {
					t.Errorf("%s: counted %d times, want %d", name, counts, test.counts)
				}
				if resp, _, err := call(t.Context(), ""); statusOf(resp) != 201 || err != nil {
					t.Errorf("%s: the next: %d, %v", name, statusOf(resp), err)
				}
			}
		})
	}
}

func statusOf(resp *http.Response) int {
	if resp == nil {
		return 0
	}
	return resp.StatusCode
}

// What completes late does so in the order of its time, though nothing runs meanwhile.
func TestLateWorkIsDoneInItsOrderWhenSomebodyLooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCounter()
		client := &http.Client{Transport: c.Transport()}
		begin := time.Now()
		for _, after := range []time.Duration{3 * time.Minute, time.Minute, 2 * time.Minute} {
			c.Fault("count", fakes.CompletingLate(after))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://api.example.com/count", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(request)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v, %v, want the deadline", resp, err)
			}
			cancel()
		}
		if n := c.count(); n != 0 {
			t.Errorf("%d counted at once", n)
		}
		<-time.After(time.Hour)
		c.Lock()
		defer c.Unlock()
		var got []time.Duration
		for _, at := range c.counted {
			got = append(got, at.Sub(begin).Round(time.Minute))
		}
		if diff := cmp.Diff([]time.Duration{time.Minute, 2 * time.Minute, 3 * time.Minute}, got); diff != "" {
			t.Errorf("counted at (-want +got):\n%s", diff)
		}
	})
}

func TestWhatArrivesIsLogged(t *testing.T) {
	t.Parallel()
	c := newCounter()
	c.OnAnswer(func() http.Header { return http.Header{"X-Left": {"1"}, "X-Kept": {"1"}} })
	arrivals := 0
	c.OnArrival(func(time.Time) { arrivals++ })
	call := ways(t, c)["memory"]
	c.Fault(fakes.Any, fakes.Answering(500, "").Header("X-Left", ""))
	resp, _, err := call(t.Context(), "hello")
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("X-Kept") + "|" + strings.Join(resp.Header.Values("X-Left"), ","); got != "1|" {
		t.Errorf("headers %q, want X-Kept alone", got)
	}
	requests := c.Requests("count")
	if len(requests) != 1 || arrivals != 1 {
		t.Fatalf("%d requests and %d arrivals, want one of each", len(requests), arrivals)
	}
	got := requests[0]
	if got.Method != "POST" || got.Host != "api.example.com" || got.Path != "/count" || got.Query.Get("x") != "1" ||
		string(got.Body) != "hello" || got.Status != 500 {
		t.Errorf("logged %+v", got)
	}
}

func TestAFaultForNoOperationPanics(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"cuont", ""} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a fault for %q was taken", op)
				}
			}()
			newCounter().Fault(op, fakes.Hanging())
		}()
	}
}

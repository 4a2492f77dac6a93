package awslambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/adapters/awslambda"
	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// service is a Service that counts its calls.
type service struct {
	mu         sync.Mutex
	reconciled int
	err        error
	busy       chan struct{} // Wait returns when it is closed; nil: immediately
}

func (s *service) Reconcile(context.Context) (bridge.Report, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reconciled++
	return bridge.Report{Due: 3, Failed: 1}, s.err
}

func (s *service) Wait(ctx context.Context) error {
	if s.busy == nil {
		return nil
	}
	select {
	case <-s.busy:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func newHandler(t testing.TB, routes http.Handler, s awslambda.Service, opts ...awslambda.Option) *awslambda.Handler {
	t.Helper()
	h, err := awslambda.NewHandler(routes, s, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func event(t testing.TB, name string) []byte {
	t.Helper()
	payload, err := os.ReadFile(filepath.Join("testdata", "events", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func TestUnknownEvents(t *testing.T) {
	t.Parallel()
	routes := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the routes were called") })
	h := newHandler(t, routes, &service{})
	for name, payload := range map[string]string{
		"another service's records": string(event(t, "sns")),
		"mixed records":             `{"Records":[{"eventSource":"aws:sqs"},{"eventSource":"aws:s3"}]}`,
		"an event of AWS itself":    `{"version":"0","detail-type":"EC2 Instance State-change Notification","source":"aws.ec2","detail":{}}`,
		"a schedule of somebody":    `{"version":"0","detail-type":"Scheduled Event","source":"acme.cron","detail":{}}`,
		"a WebSocket message":       `{"requestContext":{"routeKey":"$connect","eventType":"CONNECT"},"isBase64Encoded":false}`,
		"a test of the console":     `{"key1":"value1","key2":"value2","key3":"value3"}`,
		"other types":               `{"version":2,"headers":["secret"]}`,
		"a list":                    `[]`,
		"no JSON":                   `secret`,
		"nothing":                   ``,
	} {
		answer, err := h.Invoke(t.Context(), []byte(payload))
		if !errors.Is(err, awslambda.ErrUnknownEvent) || answer != nil {
			t.Errorf("%s: answered %s, %v, want ErrUnknownEvent", name, answer, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error quotes the event: %v", name, err)
		}
	}
}

func TestNewHandlerRequires(t *testing.T) {
	t.Parallel()
	routes := http.NotFoundHandler()
	tests := []struct {
		name    string
		routes  http.Handler
		service awslambda.Service
		opt     awslambda.Option
	}{
		{name: "routes", service: &service{}},
		{name: "a service", routes: routes},
		{name: "a margin", routes: routes, service: &service{}, opt: awslambda.WithMargin(0)},
		{name: "a logger", routes: routes, service: &service{}, opt: awslambda.WithLogger(nil)},
		{name: "PagerDuty's source", routes: routes, service: &service{}, opt: awslambda.PartnerEvents("aws.partner/other.com/1", "s")},
		{name: "a source's name", routes: routes, service: &service{}, opt: awslambda.PartnerEvents("aws.partner/pagerduty.com/", "s")},
		{name: "a whole ARN", routes: routes, service: &service{}, opt: awslambda.Queue("arn:aws:sqs:us-east-1::queue", "t")},
		{name: "a secret", routes: routes, service: &service{}, opt: awslambda.PartnerEvents("aws.partner/pagerduty.com/1/a", "")},
		{name: "a queue", routes: routes, service: &service{}, opt: awslambda.Queue("arn:aws:sns:us-east-1:1:topic", "t")},
		{name: "a token", routes: routes, service: &service{}, opt: awslambda.Queue("arn:aws:sqs:us-east-1:1:queue", "")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var opts []awslambda.Option
			if tt.opt != nil {
				opts = append(opts, tt.opt)
			}
			if _, err := awslambda.NewHandler(tt.routes, tt.service, opts...); err == nil {
				t.Error("NewHandler succeeded")
			}
		})
	}
}

func TestScheduleReconciles(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"rule", "scheduler"} {
		s := &service{}
		answer, err := newHandler(t, http.NotFoundHandler(), s).Invoke(t.Context(), event(t, name))
		if err != nil || string(answer) != `{"due":3,"failed":1}` || s.reconciled != 1 {
			t.Errorf("%s: %s, %v after %d rounds", name, answer, err, s.reconciled)
		}
		s.err = bridge.ErrUnavailable
		if _, err := newHandler(t, http.NotFoundHandler(), s).Invoke(t.Context(), event(t, name)); !errors.Is(err, bridge.ErrUnavailable) {
			t.Errorf("%s: what failed is %v, want ErrUnavailable", name, err)
		}
	}
}

// The routes get a deadline shortly before Lambda's.
func TestDeadlineMargin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var left time.Duration
		routes := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			deadline, _ := r.Context().Deadline()
			left = time.Until(deadline)
			<-r.Context().Done()
			w.WriteHeader(http.StatusAccepted)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		h := newHandler(t, routes, &service{}, awslambda.WithMargin(2*time.Second))
		answer, err := h.Invoke(ctx, event(t, "functionurl"))
		if err != nil || !strings.Contains(string(answer), `"statusCode":202`) {
			t.Errorf("Invoke = %s, %v", answer, err)
		}
		if took := time.Since(began); left != 8*time.Second || took != 8*time.Second {
			t.Errorf("the routes had %v and Invoke took %v, want 8s both", left, took)
		}
	})
}

func TestWaitsForBackgroundWork(t *testing.T) {
	t.Parallel()
	landed := func(after time.Duration) chan struct{} {
		busy := make(chan struct{})
		time.AfterFunc(after, func() { close(busy) })
		return busy
	}
	tests := []struct {
		name    string
		work    time.Duration
		ends    time.Duration // when the invocation ends
		respond bool          // send the response first
	}{
		{name: "Invoke waits", work: 3 * time.Second, ends: 3 * time.Second},
		{name: "Invoke waits for openings that are handed back", work: 9500 * time.Millisecond, ends: 9500 * time.Millisecond},
		{name: "Invoke gives up in time", work: time.Minute, ends: 9800 * time.Millisecond},
		{name: "Respond responds immediately", work: 3 * time.Second, ends: 3 * time.Second, respond: true},
		{name: "Respond gives up in time", work: time.Minute, ends: 9800 * time.Millisecond, respond: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				routes := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
				h := newHandler(t, routes, &service{busy: landed(tt.work)}, awslambda.WithMargin(time.Second))
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				began := time.Now()
				var answer []byte
				if tt.respond {
					r, err := h.Respond(ctx, event(t, "functionurl"))
					if err != nil {
						t.Fatal(err)
					}
					answer, _ = io.ReadAll(r)
					if took := time.Since(began); took != 0 {
						t.Errorf("answered after %v, want at once", took)
					}
					r.(io.Closer).Close()
				} else {
					answer, _ = h.Invoke(ctx, event(t, "functionurl"))
				}
				if took := time.Since(began); took != tt.ends {
					t.Errorf("over after %v, want %v", took, tt.ends)
				}
				if !strings.Contains(string(answer), `"statusCode":202`) {
					t.Errorf("answered %s, want 202", answer)
				}
			})
		})
	}
}

// Openings outlive the requests that started them, but end shortly before Lambda's
// deadline and leave the rest to the ledger.
func TestOpeningsEndWithInvocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		provider := &slowProvider{}
		svc, err := bridge.New(incidents{}, provider, tokenstore.NewMemory())
		if err != nil {
			t.Fatal(err)
		}
		routes := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), time.Second) // as a webhook's route does
			defer cancel()
			if b, err := svc.Open(ctx, bridge.Request{IncidentID: "P1"}); err != nil || b.State != bridge.StateCreating {
				t.Errorf("Open = %+v, %v, want creating", b, err)
			}
			w.WriteHeader(http.StatusAccepted)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		r, err := newHandler(t, routes, svc).Respond(ctx, event(t, "functionurl"))
		if err != nil {
			t.Fatal(err)
		}
		r.(io.Closer).Close()
		if err := ctx.Err(); err != nil || provider.running.Load() != 0 {
			t.Errorf("ended (%v) with %d creates running, want none before the deadline", err, provider.running.Load())
		}
		if b, err := svc.Get(t.Context(), "P1"); err != nil || b.State != bridge.StateCreating {
			t.Errorf("the ledger has %+v, %v, want creating", b, err)
		}
	})
}

// slowProvider never finishes a Create.
type slowProvider struct {
	bridge.Provider
	running atomic.Int32
}

func (p *slowProvider) Name() string          { return "slow" }
func (p *slowProvider) Hosts(string) []string { return []string{"host"} }
func (p *slowProvider) Create(ctx context.Context, _ string, _ bridge.MeetingSpec) (*bridge.Meeting, error) {
	p.running.Add(1)
	defer p.running.Add(-1)
	<-ctx.Done()
	return nil, ctx.Err()
}

// incidents reports every incident as triggered and without a bridge.
type incidents struct{ bridge.Incidents }

func (incidents) ParseID(s string) (string, error) { return s, nil }
func (incidents) Incident(_ context.Context, id string) (*bridge.Incident, error) {
	return &bridge.Incident{ID: id, Status: "triggered"}, nil
}

func TestFailedRespondWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{err: bridge.ErrUnavailable, busy: make(chan struct{})}
		time.AfterFunc(time.Second, func() { close(s.busy) })
		began := time.Now()
		r, err := newHandler(t, http.NotFoundHandler(), s).Respond(t.Context(), event(t, "rule"))
		if r != nil || !errors.Is(err, bridge.ErrUnavailable) || time.Since(began) != time.Second {
			t.Errorf("Respond = %v, %v after %v", r, err, time.Since(began))
		}
	})
}

// partnerSecret is the webhook secret that the routes of these tests accept.
const partnerSecret = "random"

func TestPartnerEvents(t *testing.T) {
	t.Parallel()
	const source = "aws.partner/pagerduty.com/1234567890/incidentbridge"
	bare := func(t *testing.T) []byte {
		var e map[string]any
		if err := json.Unmarshal(event(t, "partner"), &e); err != nil {
			t.Fatal(err)
		}
		e["detail"] = e["detail"].(map[string]any)["event"]
		payload, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return payload
	}
	tests := []struct {
		name    string
		payload []byte
		source  string
		status  int
		code    string
		fails   bool
	}{
		{name: "opens", payload: event(t, "partner"), source: source, status: 201},
		{name: "without its envelope", payload: bare(t), source: source, status: 201},
		{name: "the ledger holds it", payload: event(t, "partner"), source: source, status: 202},
		{name: "permanent failure", payload: event(t, "partner"), source: source, status: 403, code: "forbidden"},
		{name: "accepted but unreadable", payload: event(t, "partner"), source: source, status: 200, code: "bad_request", fails: true},
		{name: "of no interest", payload: event(t, "partner"), source: source, status: 200, code: "ignored"},
		{name: "the store is down", payload: event(t, "partner"), source: source, status: 503, code: "unavailable", fails: true},
		{name: "the routes want another secret", payload: event(t, "partner"), source: source, status: 401, code: "unauthorized", fails: true},
		{name: "of another account", payload: event(t, "partner"), source: source + "2", fails: true},
		{name: "not asked for", payload: event(t, "partner"), fails: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var seen *delivery
			routes := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen = readDelivery(t, r)
				problem(w, tt.status, tt.code)
			})
			var opts []awslambda.Option
			if tt.source != "" {
				opts = append(opts, awslambda.PartnerEvents(tt.source, partnerSecret))
			}
			_, err := newHandler(t, routes, &service{}, opts...).Invoke(t.Context(), tt.payload)
			if (err != nil) != tt.fails {
				t.Errorf("Invoke = %v, want an error: %v", err, tt.fails)
			}
			if tt.status == 0 {
				if seen != nil {
					t.Errorf("the routes got %+v", seen)
				}
				return
			}
			if seen.path != "/webhooks/pagerduty" || !seen.signedWith(partnerSecret) {
				t.Errorf("the routes got %+v, want a webhook signed with the secret", seen)
			}
			if id := seen.eventID(t); id != "01EVENT" {
				t.Errorf("the event's id is %q", id)
			}
		})
	}
}

// aws-lambda-go must read the response to its end, however large it is.
func TestRespondReader(t *testing.T) {
	t.Parallel()
	routes := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 100_000)) })
	r, err := newHandler(t, routes, &service{}).Respond(t.Context(), event(t, "functionurl"))
	if err != nil {
		t.Fatal(err)
	}
	if asJSON, err := json.Marshal(r); err != nil || string(asJSON) != "{}" {
		t.Errorf("the reader is %s as JSON, %v: the runtime client would send that instead of what it holds", asJSON, err)
	}
	text, err := io.ReadAll(r)
	if err != nil || !json.Valid(text) || len(text) < 100_000 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	if diff := cmp.Diff("application/json", r.(interface{ ContentType() string }).ContentType()); diff != "" {
		t.Error(diff)
	}
}

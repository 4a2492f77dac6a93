package nethttp_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
)

// TestAnswersAreOutInTime pins by when each caller hears: from a service that heeds its
// context, and from one that does not.
func TestAnswersAreOutInTime(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		send   request
		within time.Duration
		heeded string
	}{
		{"webhook", webhook(workflowStarted), 4500 * time.Millisecond, "503 unavailable"},
		{"custom action", trusted(http.MethodPost, "/actions/pagerduty", customAction), 12200 * time.Millisecond, "503 unavailable"},
		{"several", trusted(http.MethodPost, "/actions/pagerduty", `{"messages":[`+message("1", "P1")+`,`+message("2", "P2")+`]}`), 12200 * time.Millisecond, "503"},
		{"workflow's body", trusted(http.MethodPost, "/actions/pagerduty", workflowBody), 12200 * time.Millisecond, "202 creating"},
		{"api", trusted(http.MethodPost, bridgePath, ""), 25200 * time.Millisecond, "202 creating"},
	}
	for _, tt := range tests {
		t.Run(tt.name+", heeded", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				svc := &stub{open: func(ctx context.Context, _ bridge.Request) (*bridge.Bridge, error) {
					<-ctx.Done()
					return nil, &bridge.Error{Op: "open", IncidentID: "PABC123", Err: fmt.Errorf("%w: %w", bridge.ErrInProgress, ctx.Err())}
				}}
				began := time.Now()
				got := send(t, handler(t, svc), tt.send)
				if took := time.Since(began); got.String() != tt.heeded || took >= tt.within {
					t.Errorf("got %s after %v, want %s within %v", got, took, tt.heeded, tt.within)
				}
			})
		})
		t.Run(tt.name+", not heeded", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				let := make(chan struct{})
				svc := &stub{open: func(context.Context, bridge.Request) (*bridge.Bridge, error) {
					<-let
					return attached(), nil
				}}
				began := time.Now()
				got := send(t, handler(t, svc), tt.send)
				took := time.Since(began)
				if got.String() != "503 unavailable" || got.header.Get("Retry-After") == "" || took >= tt.within {
					t.Errorf("got %s after %v, want 503 with Retry-After within %v", got, took, tt.within)
				}
				close(let)
			})
		})
	}
}

func TestReadyDoesNotWaitForTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		got := send(t, handler(t, hanging{}), plain(http.MethodGet, "/readyz", ""))
		if took := time.Since(began); got.String() != "503 unavailable" || took != time.Second {
			t.Errorf("got %s after %v, want 503 unavailable after 1s", got, took)
		}
	})
}

// hanging is a service whose store hangs.
type hanging struct{ *stub }

func (hanging) Ping(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestTricklingBodyDoesNotHoldTheAnswer talks to a real server over a pipe and never
// sends the body it promised.
func TestTricklingBodyDoesNotHoldTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, listener := dial(t)
		server := &http.Server{Handler: handler(t, &stub{bridge: attached()})}
		go func() { _ = server.Serve(listener) }()
		defer func() { _ = server.Close() }()

		began := time.Now()
		_, err := io.WriteString(client, "POST /webhooks/pagerduty HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{")
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, took := read(t, response), time.Since(began)
		if got.String() != "503 unavailable" || took >= 4500*time.Millisecond {
			t.Errorf("got %s after %v, want 503 unavailable within 4.5s", got, took)
		}
	})
}

// TestConnectionOutlivesTheBudget sends two requests over one connection, each at work
// for all the time it has.
func TestConnectionOutlivesTheBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, listener := dial(t)
		svc := &stub{open: func(ctx context.Context, _ bridge.Request) (*bridge.Bridge, error) {
			<-ctx.Done()
			return attached(), nil
		}}
		server := &http.Server{Handler: handler(t, svc)}
		go func() { _ = server.Serve(listener) }()
		defer func() { _ = server.Close() }()

		reader := bufio.NewReader(client)
		for range 2 {
			began := time.Now()
			if err := trusted(http.MethodPost, "/actions/pagerduty", workflowBody)().Write(client); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, took := read(t, response), time.Since(began); got.String() != "201 attached" || took != 12*time.Second {
				t.Errorf("got %s after %v, want 201 attached after 12s", got, took)
			}
		}
	})
}

// dial is one connection, in memory, and the listener that accepts it.
func dial(t *testing.T) (net.Conn, net.Listener) {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { _ = client.Close() })
	listener := &onePipe{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
	listener.conns <- server
	return client, listener
}

type onePipe struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *onePipe) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *onePipe) Close() error   { close(p.closed); return nil }
func (p *onePipe) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

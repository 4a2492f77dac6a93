package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/examples/httpserver/demo"
	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

const (
	stopTime = 15 * time.Second // how long what runs may still take after the signal to stop
	patience = 10 * time.Second // after which requests are answered with what stands
)

// serve opens the store and answers requests until ctx ends, then finishes what runs.
func serve(ctx context.Context, s *settings.Settings, stderr io.Writer) error {
	logger := s.Logger(stderr)
	backend, err := s.OpenStore(ctx, openers(), logger)
	if err != nil {
		return err
	}
	return errors.Join(serveOn(ctx, s, backend, logger, stderr), backend.Close())
}

func serveOn(
	ctx context.Context, s *settings.Settings, backend settings.Backend, logger *slog.Logger, stderr io.Writer,
) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", string(s.Addr))
	if err != nil {
		return err
	}
	defer listener.Close()
	if s.PublicURL == "" {
		s.PublicURL = settings.WebURL("http://" + reachable(listener.Addr()))
	}
	svc, handler, err := assemble(s, backend.Store, logger)
	if err != nil {
		return err
	}
	requests, answerNow := context.WithCancel(context.WithoutCancel(ctx))
	defer answerNow()
	server := newServer(requests, handler, logger)

	var running sync.WaitGroup
	defer running.Wait()
	due, stopDue := context.WithCancel(ctx)
	defer stopDue()
	running.Go(func() {
		if err := svc.Run(due); err != nil && due.Err() == nil {
			logger.Error("due work stopped", "error", err)
		}
	})
	running.Go(func() { prune(due, backend, logger) })
	failed := make(chan error, 1)
	running.Go(func() { failed <- server.Serve(listener) })

	announce(s, listener.Addr(), logger, stderr)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		hurry := time.AfterFunc(patience, answerNow)
		defer hurry.Stop()
		finish(ctx, server, svc, logger)
		return nil
	}
}

// assemble returns the service and what is served over it.
func assemble(s *settings.Settings, store tokenstore.Store, logger *slog.Logger) (*bridge.Service, http.Handler, error) {
	if s.Demo {
		d, err := demo.New(s, store, logger)
		if err != nil {
			return nil, nil, err
		}
		return d.Service(), d, nil
	}
	return s.Assemble(store, logger)
}

// prune removes from the store what has expired, every hour until ctx ends.
func prune(ctx context.Context, backend settings.Backend, logger *slog.Logger) {
	if backend.Prune == nil {
		return
	}
	hours := time.NewTicker(time.Hour)
	defer hours.Stop()
	for {
		select {
		case <-hours.C:
		case <-ctx.Done():
			return
		}
		if err := backend.Prune(ctx); err != nil && ctx.Err() == nil {
			logger.Warn("what has expired was not removed", "error", err)
		}
	}
}

// newServer limits what a slow or greedy client can hold; the longest answer takes 25 s. Requests end with ctx: what they
// asked for is then answered as it stands.
func newServer(ctx context.Context, handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		BaseContext:       func(net.Listener) context.Context { return ctx },
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      45 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}

// announce says where the server listens; the demo also tells a person what to do with it.
func announce(s *settings.Settings, addr net.Addr, logger *slog.Logger, stderr io.Writer) {
	logger.Info("listening", "addr", addr.String(), "public_url", s.PublicURL, "demo", s.Demo)
	if s.Demo {
		fmt.Fprintf(stderr, "\nincidentbridge demo: open %s in a browser\n\n", s.PublicURL)
	}
}

// reachable is addr as a browser on this machine can use it.
func reachable(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("localhost:%d", tcp.Port)
	}
	return addr.String()
}

// finish stops accepting and lets what runs come to its end; what takes longer stays due in the ledger.
func finish(ctx context.Context, server *http.Server, svc *bridge.Service, logger *slog.Logger) {
	logger.Info("stopping")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		logger.Warn("requests were cut off", "error", err)
		server.Close()
	}
	if err := svc.Wait(ctx); err != nil {
		logger.Warn("openings stay due in the ledger", "error", err)
	}
	logger.Info("stopped")
}

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
	shutdownTimeout = 15 * time.Second // for everything that is running at the signal to stop
	requestGrace    = 10 * time.Second // after which running requests are answered with the current state
)

// serve opens the store and serves requests until ctx ends, then finishes the running
// ones.
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
		s.PublicURL = settings.WebURL("http://" + browserAddr(listener.Addr()))
	}
	svc, handler, err := assemble(s, backend.Store, logger)
	if err != nil {
		return err
	}
	requestCtx, endRequests := context.WithCancel(context.WithoutCancel(ctx))
	defer endRequests()
	server := newServer(requestCtx, handler, logger)

	var running sync.WaitGroup
	defer running.Wait()
	workCtx, stopWork := context.WithCancel(ctx)
	defer stopWork()
	running.Go(func() {
		if err := svc.Run(workCtx); err != nil && workCtx.Err() == nil {
			logger.Error("background work stopped", "error", err)
		}
	})
	running.Go(func() { prune(workCtx, backend, logger) })
	failed := make(chan error, 1)
	running.Go(func() { failed <- server.Serve(listener) })

	announce(s, listener.Addr(), logger, stderr)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		timer := time.AfterFunc(requestGrace, endRequests)
		defer timer.Stop()
		shutDown(ctx, server, svc, logger)
		return nil
	}
}

// assemble returns the service and the routes over it.
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

// prune removes expired records from the store, every hour until ctx ends.
func prune(ctx context.Context, backend settings.Backend, logger *slog.Logger) {
	if backend.Prune == nil {
		return
	}
	ticker := time.NewTicker(time.Hour)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		if err := backend.Prune(ctx); err != nil && ctx.Err() == nil {
			logger.Warn("prune failed", "error", err)
		}
	}
}

// newServer returns a server with limits for slow clients; the longest response takes 25
// s. Requests end with ctx and are then answered with the current state.
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

// announce logs where the server listens. For the demo it also prints what to do next.
func announce(s *settings.Settings, addr net.Addr, logger *slog.Logger, stderr io.Writer) {
	logger.Info("listening", "addr", addr.String(), "public_url", s.PublicURL, "demo", s.Demo)
	if s.Demo {
		fmt.Fprintf(stderr, "\nincidentbridge demo: open %s in a browser\n\n", s.PublicURL)
	}
}

// browserAddr returns addr as a browser on this machine can use it.
func browserAddr(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("localhost:%d", tcp.Port)
	}
	return addr.String()
}

// shutDown stops accepting requests and waits for the running ones and their openings.
// Unfinished openings stay due in the ledger.
func shutDown(ctx context.Context, server *http.Server, svc *bridge.Service, logger *slog.Logger) {
	logger.Info("stopping")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		logger.Warn("shutdown with unfinished requests", "error", err)
		server.Close()
	}
	if err := svc.Wait(ctx); err != nil {
		logger.Warn("shutdown with unfinished openings", "error", err)
	}
	logger.Info("stopped")
}

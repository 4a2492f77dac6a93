// Command httpserver serves incidentbridge over HTTP. Its environment is its
// configuration.
//
// With nothing set it runs the demo, with both vendors as fakes in the process.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/caarlos0/env/v11"
	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
)

// Exit codes.
const (
	exitOK       = 0
	exitFailed   = 1
	exitSettings = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, env.ToMap(os.Environ()), os.Stderr))
}

// run serves until ctx ends and returns the exit code.
func run(ctx context.Context, environ map[string]string, stderr io.Writer) int {
	s, err := settings.Load(environ)
	if err != nil {
		fmt.Fprintln(stderr, "incidentbridge:", err)
		return exitSettings
	}
	err = serve(ctx, s, stderr)
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(stderr, "incidentbridge:", err)
	if _, invalid := errors.AsType[*settings.Error](err); invalid {
		return exitSettings
	}
	return exitFailed
}

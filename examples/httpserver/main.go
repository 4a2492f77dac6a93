// Command httpserver serves incidentbridge over HTTP, set up by its environment alone.
//
// With nothing set it runs the demo: both vendors are stand-ins inside the process.
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

// What the process ends with.
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
	if _, wrong := errors.AsType[*settings.Error](err); wrong {
		return exitSettings
	}
	return exitFailed
}

// Command local runs the Lambda function on this machine: its real bootstrap under a
// Runtime API, both vendors as fakes, and dynalite as DynamoDB where it is installed. It
// replays one event of each kind and prints the responses.
//
//	go run ./internal/conformance/lambda/local
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/conformance/lambda/runtimeapi"
	"github.com/incidentbridge/incidentbridge/internal/conformance/lambda/sandbox"
)

func main() {
	processes := flag.Int("processes", 3, "how many processes may run at once")
	timeout := flag.Duration("timeout", 29*time.Second, "timeout of the function")
	verbose := flag.Bool("v", false, "show what the processes log")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	log := io.Discard
	if *verbose {
		log = os.Stderr
	}
	if err := run(ctx, os.Stdout, log, *processes, *timeout); err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

// run builds the function, starts its surroundings, and replays the samples.
func run(ctx context.Context, out, log io.Writer, processes int, timeout time.Duration) error {
	if processes < 1 {
		return errors.New("-processes must be at least 1")
	}
	dir, err := os.MkdirTemp("", "bootstrap")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	bootstrap, err := sandbox.Build(ctx, dir)
	if err != nil {
		return err
	}
	vendors := sandbox.NewVendors()
	defer vendors.Close()

	storeURL, stopStore, err := openStore(ctx)
	if err != nil {
		return err
	}
	defer stopStore()
	if storeURL == "memory:" {
		processes = 1 // each would have its own ledger
		fmt.Fprintf(out, "%v\nThe ledger is in the memory of one process.\n\n", sandbox.ErrNoDynalite)
	} else {
		fmt.Fprintf(out, "The ledger is in dynalite, shared by up to %d processes.\n\n", processes)
	}
	function := runtimeapi.NewFunction(processes, bootstrap, vendors.Environ(storeURL), timeout, log)
	defer function.Close()
	return replay(ctx, out, function, vendors, processes)
}

// openStore returns the URL of a table in dynalite, or of the memory where dynalite is
// not installed.
func openStore(ctx context.Context) (storeURL string, stop func(), err error) {
	endpoint, stop, err := sandbox.Dynalite(ctx)
	if errors.Is(err, sandbox.ErrNoDynalite) {
		return "memory:", func() {}, nil
	}
	if err != nil {
		return "", nil, err
	}
	table, err := sandbox.NewTable(ctx, endpoint)
	if err != nil {
		stop()
		return "", nil, err
	}
	return sandbox.StoreURL(table, endpoint), stop, nil
}

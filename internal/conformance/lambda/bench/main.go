// Command bench measures the Lambda function against its limits.
//
//	go run ./internal/conformance/lambda/bench
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/conformance/lambda/runtimeapi"
	"github.com/incidentbridge/incidentbridge/internal/conformance/lambda/sandbox"
)

// The limits.
const (
	maxSize   = 20_000_000 // bytes of a stripped bootstrap
	maxStart  = 40 * time.Millisecond
	maxMemory = 40 << 10 // KiB resident after the events

	maxOverhead    = 100 * time.Microsecond // of the adapter, for an event of 4 KiB
	maxAllocations = 120
)

const (
	starts = 31
	events = 1000
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "bootstrap")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for _, arch := range []string{"arm64", "amd64"} {
		if err := size(ctx, out, dir, arch); err != nil {
			return err
		}
	}
	bootstrap, err := sandbox.Build(ctx, dir)
	if err != nil {
		return err
	}
	vendors := sandbox.NewVendors()
	defer vendors.Close()
	endpoint, stop, err := sandbox.Dynalite(ctx)
	if err != nil {
		return err
	}
	defer stop()
	table, err := sandbox.NewTable(ctx, endpoint)
	if err != nil {
		return err
	}
	environ := vendors.Environ(sandbox.StoreURL(table, endpoint), "GOMAXPROCS=2")
	if err := start(ctx, out, bootstrap, environ); err != nil {
		return err
	}
	if err := adapter(ctx, out); err != nil {
		return err
	}
	return memory(ctx, out, bootstrap, environ, vendors)
}

// report prints a figure beside its limit.
func report(out io.Writer, what string, got, limit any, ok bool) {
	verdict := "ok"
	if !ok {
		verdict = "EXCEEDED"
	}
	fmt.Fprintf(out, "%-44s %14v  at most %14v  %s\n", what, got, limit, verdict)
}

func size(ctx context.Context, out io.Writer, dir, arch string) error {
	program, err := sandbox.BuildFor(ctx, dir, arch)
	if err != nil {
		return err
	}
	info, err := os.Stat(program)
	if err != nil {
		return err
	}
	report(out, "bootstrap, stripped, "+arch+", bytes", info.Size(), maxSize, info.Size() <= maxSize)
	return nil
}

// start measures the time from the start of the process to its first poll.
func start(ctx context.Context, out io.Writer, bootstrap string, environ []string) error {
	var took, worked []time.Duration
	for range starts {
		e, err := runtimeapi.Start(bootstrap, environ, time.Minute, os.Stderr)
		if err != nil {
			return err
		}
		d, err := e.Ready(ctx)
		e.Close()
		if err != nil {
			return err
		}
		took, worked = append(took, d), append(worked, e.CPUTime())
	}
	slices.Sort(took)
	slices.Sort(worked)
	median := took[len(took)/2].Round(100 * time.Microsecond)
	report(out, "process start to first poll, median", median, maxStart, median <= maxStart)
	fmt.Fprintf(out, "  of %d starts: the fastest %v, the slowest %v; processor time %v, median\n",
		starts, took[0].Round(100*time.Microsecond), took[len(took)-1].Round(100*time.Microsecond), worked[len(worked)/2])
	return nil
}

// memory measures one process after the events, each for a new incident.
func memory(ctx context.Context, out io.Writer, bootstrap string, environ []string, v *sandbox.Vendors) error {
	e, err := runtimeapi.Start(bootstrap, environ, time.Minute, io.Discard)
	if err != nil {
		return err
	}
	defer e.Close()
	began := time.Now()
	for range events {
		header, body := v.TriggeredWebhook(v.PagerDuty.AddIncident("Down"))
		text, err := e.Invoke(ctx, sandbox.FunctionURLEvent("/webhooks/pagerduty", header, body))
		if err != nil {
			return err
		}
		response, err := sandbox.ParseResponse(text)
		if err != nil {
			return err
		}
		if response.StatusCode != http.StatusCreated {
			return fmt.Errorf("response %+v", response)
		}
	}
	took := time.Since(began)
	resident, err := residentKiB(e.PID())
	if err != nil {
		return err
	}
	what := fmt.Sprintf("resident memory after %d events, KiB", events)
	report(out, what, resident, maxMemory, resident <= maxMemory)
	each := (took / events).Round(10 * time.Microsecond)
	fmt.Fprintf(out, "  %v for each, with dynalite and both fakes on this machine\n", each)
	return nil
}

// residentKiB reads VmRSS of a process.
func residentKiB(pid int) (int, error) {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "VmRSS:" {
			return strconv.Atoi(fields[1])
		}
	}
	return 0, errors.New("no VmRSS in the status")
}

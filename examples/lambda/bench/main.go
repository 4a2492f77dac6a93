// Command bench measures the Lambda function against what it shall reach, and says what was missed.
//
//	go run ./examples/lambda/bench
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

	"github.com/incidentbridge/incidentbridge/examples/internal/runtimeapi"
	"github.com/incidentbridge/incidentbridge/examples/lambda/internal/sandbox"
)

// What it shall reach.
const (
	maxSize   = 20_000_000 // bytes of a stripped bootstrap
	maxStart  = 40 * time.Millisecond
	maxMemory = 40 << 10 // KiB that are resident after the events

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
	table, err := sandbox.Table(ctx, endpoint)
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

// told prints a figure beside its bound.
func told(out io.Writer, what string, got, bound any, kept bool) {
	verdict := "kept"
	if !kept {
		verdict = "MISSED"
	}
	fmt.Fprintf(out, "%-44s %14v  at most %14v  %s\n", what, got, bound, verdict)
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
	told(out, "bootstrap, stripped, "+arch+", bytes", info.Size(), maxSize, info.Size() <= maxSize)
	return nil
}

// start measures from the start of the process to its first poll.
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
	told(out, "process start to first poll, median", median, maxStart, median <= maxStart)
	fmt.Fprintf(out, "  of %d starts: the fastest %v, the slowest %v; processor time %v, median\n",
		starts, took[0].Round(100*time.Microsecond), took[len(took)-1].Round(100*time.Microsecond), worked[len(worked)/2])
	return nil
}

// memory measures one process after so many events, each of an incident of its own.
func memory(ctx context.Context, out io.Writer, bootstrap string, environ []string, v *sandbox.Vendors) error {
	e, err := runtimeapi.Start(bootstrap, environ, time.Minute, io.Discard)
	if err != nil {
		return err
	}
	defer e.Close()
	began := time.Now()
	for range events {
		header, body := v.Triggered(v.PagerDuty.AddIncident("Down"))
		text, err := e.Invoke(ctx, sandbox.URL("/webhooks/pagerduty", header, body))
		if err != nil {
			return err
		}
		a, err := sandbox.ParseAnswer(text)
		if err != nil {
			return err
		}
		if a.StatusCode != http.StatusCreated {
			return fmt.Errorf("answered %+v", a)
		}
	}
	took := time.Since(began)
	resident, err := residentKiB(e.PID())
	if err != nil {
		return err
	}
	what := fmt.Sprintf("resident memory after %d events, KiB", events)
	told(out, what, resident, maxMemory, resident <= maxMemory)
	each := (took / events).Round(10 * time.Microsecond)
	fmt.Fprintf(out, "  %v for each, with dynalite and both fakes on this machine\n", each)
	return nil
}

// residentKiB reads VmRSS, as the kernel has it.
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
	return 0, errors.New("the kernel does not tell VmRSS")
}

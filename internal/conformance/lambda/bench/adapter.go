package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

const adapterPackage = "github.com/incidentbridge/incidentbridge/adapters/awslambda"

// cost is the cost of one event.
type cost struct{ nanoseconds, allocations float64 }

// adapter measures what the adapter adds to the plain handler for an event of 4 KiB, with
// the package's own benchmark.
func adapter(ctx context.Context, out io.Writer) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkHandler$", "-benchmem", adapterPackage)
	text, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go test: %w\n%s", err, text)
	}
	with, err := costOf(text, "BenchmarkHandler/with_the_adapter")
	if err != nil {
		return err
	}
	without, err := costOf(text, "BenchmarkHandler/without")
	if err != nil {
		return err
	}
	over := time.Duration(with.nanoseconds - without.nanoseconds).Round(100 * time.Nanosecond)
	report(out, "adapter over the plain handler", over, maxOverhead, over <= maxOverhead)
	allocations := with.allocations - without.allocations
	report(out, "  allocations", allocations, maxAllocations, allocations <= maxAllocations)
	return nil
}

// costOf parses a line such as
// "BenchmarkHandler/without-2  1000  891.2 ns/op  1152 B/op  13 allocs/op".
func costOf(text []byte, benchmark string) (cost, error) {
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) != 8 || !strings.HasPrefix(fields[0], benchmark) {
			continue
		}
		nanoseconds, err := strconv.ParseFloat(fields[2], 64)
		if err != nil {
			return cost{}, err
		}
		allocations, err := strconv.ParseFloat(fields[6], 64)
		return cost{nanoseconds, allocations}, err
	}
	return cost{}, fmt.Errorf("no line for %s in\n%s", benchmark, text)
}

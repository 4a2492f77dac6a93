package sandbox

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Package is the import path of the function's program.
const Package = "github.com/incidentbridge/incidentbridge/examples/lambda"

// Build compiles the bootstrap into dir as the README does, for this machine's
// architecture.
func Build(ctx context.Context, dir string) (program string, err error) {
	return BuildFor(ctx, dir, runtime.GOARCH)
}

// BuildFor is Build for another architecture.
func BuildFor(ctx context.Context, dir, arch string) (program string, err error) {
	program = filepath.Join(dir, "bootstrap-"+arch)
	cmd := exec.CommandContext(ctx, "go", //nolint:gosec // the arguments are the caller's
		"build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", program, Package)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return program, nil
}

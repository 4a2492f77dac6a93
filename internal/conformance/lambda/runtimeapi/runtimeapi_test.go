package runtimeapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/incidentbridge/incidentbridge/internal/conformance/lambda/runtimeapi"
)

// childEnv makes the test binary act as a bootstrap.
const childEnv = "INCIDENTBRIDGE_BOOTSTRAP"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(m.Run())
	case "no init":
		url := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/init/error"
		_, _ = new(http.Client).Post(url, "application/json", strings.NewReader(`{"errorType":"Settings","errorMessage":"missing X"}`))
		os.Exit(2)
	}
	lambda.Start(bootstrap{})
}

// bootstrap does what the event names.
type bootstrap struct{}

func (bootstrap) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	switch string(payload) {
	case `"hang"`:
		select {}
	case `"exit"`:
		os.Exit(3)
	case `"panic"`:
		panic("oh no")
	case `"fail"`:
		return nil, errors.New("not today")
	case `"deadline"`:
		deadline, _ := ctx.Deadline()
		return fmt.Append(nil, time.Until(deadline).Round(time.Second).Seconds()), nil
	}
	return payload, nil
}

// output collects what a process writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func start(t *testing.T, timeout time.Duration) *runtimeapi.Environment {
	t.Helper()
	e, err := runtimeapi.Start(os.Args[0], []string{childEnv + "=1"}, timeout, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func TestEvents(t *testing.T) {
	t.Parallel()
	e := start(t, 10*time.Second)
	if took, err := e.Ready(t.Context()); err != nil || took <= 0 {
		t.Fatalf("ready after %v, %v", took, err)
	}
	for event, want := range map[string]string{`"a"`: `"a"`, `"deadline"`: "10"} {
		response, err := e.Invoke(t.Context(), []byte(event))
		if err != nil || string(response) != want {
			t.Errorf("%s: %s, %v, want %s", event, response, err, want)
		}
	}
	var reported *runtimeapi.FunctionError
	if _, err := e.Invoke(t.Context(), []byte(`"fail"`)); !errors.As(err, &reported) || reported.Message != "not today" {
		t.Errorf("fail: %v", err)
	}
	if err := e.Idle(t.Context()); err != nil {
		t.Errorf("no poll after an error: %v", err)
	}
}

func TestProcessEnds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		event   string
		timeout time.Duration
		want    error
		code    int
	}{
		{`"hang"`, 500 * time.Millisecond, runtimeapi.ErrTimedOut, -1},
		{`"exit"`, 10 * time.Second, runtimeapi.ErrExited, 3},
		{`"panic"`, 10 * time.Second, new(runtimeapi.FunctionError), 1},
	}
	for _, tt := range tests {
		t.Run(tt.event, func(t *testing.T) {
			t.Parallel()
			e := start(t, tt.timeout)
			_, err := e.Invoke(t.Context(), []byte(tt.event))
			reported := new(runtimeapi.FunctionError)
			if !errors.Is(err, tt.want) && (!errors.As(tt.want, &reported) || !errors.As(err, &reported)) {
				t.Errorf("Invoke = %v, want %v", err, tt.want)
			}
			<-e.Ended()
			if code := e.ExitCode(); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if _, err := e.Invoke(t.Context(), []byte(`"a"`)); !errors.Is(err, runtimeapi.ErrExited) {
				t.Errorf("the next event: %v, want ErrExited", err)
			}
		})
	}
}

func TestInitError(t *testing.T) {
	t.Parallel()
	e, err := runtimeapi.Start(os.Args[0], []string{childEnv + "=no init"}, time.Second, new(output))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	_, err = e.Ready(t.Context())
	var reported *runtimeapi.FunctionError
	if !errors.Is(err, runtimeapi.ErrExited) || !errors.As(err, &reported) || reported.Message != "missing X" || e.ExitCode() != 2 {
		t.Errorf("Ready = %v with exit code %d", err, e.ExitCode())
	}
}

// A function starts a new process for one that exited.
func TestFunctionRestartsProcesses(t *testing.T) {
	t.Parallel()
	f := runtimeapi.NewFunction(2, os.Args[0], []string{childEnv + "=1"}, 10*time.Second, io.Discard)
	t.Cleanup(f.Close)
	for _, event := range []string{`"a"`, `"exit"`, `"exit"`, `"panic"`, `"b"`, `"c"`} {
		response, err := f.Invoke(t.Context(), []byte(event))
		if fine := len(event) == 3; fine != (err == nil) || fine && string(response) != event {
			t.Errorf("%s: %s, %v", event, response, err)
		}
	}
}

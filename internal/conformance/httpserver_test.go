package conformance_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/incidentbridge/incidentbridge/bridge"
)

// build compiles examples/httpserver and returns where the program is.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "httpserver")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./httpserver")
	cmd.Dir = filepath.Join("..", "..", "examples")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// server is a running examples/httpserver.
type server struct {
	url  string
	cmd  *exec.Cmd
	log  *lines
	stop func() // signals once: a second signal would kill
}

// start runs the program on a free port, with nothing else set than more, until the test
// ends.
func start(t *testing.T, program string, more ...string) *server {
	t.Helper()
	s := &server{log: newLines()}
	s.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), program) // stopping in order is tested, too
	s.cmd.Env = append([]string{"ADDR=127.0.0.1:0"}, more...)
	s.cmd.Stderr = s.log
	s.stop = sync.OnceFunc(func() { _ = s.cmd.Process.Signal(syscall.SIGTERM) })
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.stop()
		if err := s.cmd.Wait(); err != nil {
			t.Errorf("httpserver ended with %v:\n%s", err, s.log)
		}
	})

	var listening struct {
		PublicURL string `json:"public_url"`
	}
	line := s.log.wait(t, `"listening"`)
	if err := json.Unmarshal([]byte(line), &listening); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	s.url = listening.PublicURL
	return s
}

func TestHTTPServer(t *testing.T) {
	t.Parallel()
	program := build(t)

	t.Run("a half-set environment ends it with 2 and one line", func(t *testing.T) {
		t.Parallel()
		cmd := exec.CommandContext(t.Context(), program)
		cmd.Env = []string{"ZOOM_ACCOUNT_ID=a", "PAGERDUTY_TOKEN=geheim", "STORE_URL=memory:", "ZOOM_HOST_LIMIT=7"}
		out, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 2 {
			t.Errorf("exit code %d (%v), want 2", code, err)
		}
		const want = "incidentbridge: missing ZOOM_CLIENT_ID, ZOOM_CLIENT_SECRET, ZOOM_HOSTS, PAGERDUTY_FROM; " +
			"ZOOM_HOST_LIMIT must be 1 or 2\n"
		if diff := cmp.Diff(want, string(out)); diff != "" {
			t.Errorf("output (-want +got):\n%s", diff)
		}
	})

	t.Run("the routes stand beside the demo's page", func(t *testing.T) {
		t.Parallel()
		s := start(t, program, "ACTION_TOKENS=token")
		for _, path := range []string{"/", "/healthz", "/readyz"} {
			if status, _ := s.do(t, http.MethodGet, path, ""); status != http.StatusOK {
				t.Errorf("GET %s: %d, want 200", path, status)
			}
		}
		// The demo's first incident has the number 1001; the API takes numbers.
		status, body := s.do(t, http.MethodPost, "/api/v1/incidents/1001/bridge", "token")
		var made struct {
			State   bridge.State `json:"state"`
			JoinURL string       `json:"join_url"`
		}
		if err := json.Unmarshal(body, &made); err != nil {
			t.Fatalf("%d %s: %v", status, body, err)
		}
		if status != http.StatusCreated || made.State != bridge.StateAttached {
			t.Errorf("POST: %d %s, want 201 and attached", status, body)
		}
		if !strings.HasPrefix(made.JoinURL, s.url+"/demo/call/") {
			t.Errorf("join_url %q does not lead to a page of the demo", made.JoinURL)
		}
		if status, _ := s.do(t, http.MethodGet, strings.TrimPrefix(made.JoinURL, s.url), ""); status != http.StatusOK {
			t.Errorf("GET join_url: %d, want 200", status)
		}
	})

	t.Run("SIGTERM ends it with 0", func(t *testing.T) {
		t.Parallel()
		s := start(t, program)
		s.stop()
		s.log.wait(t, `"stopped"`) // start's cleanup looks at the exit code
	})
}

// do sends a request without a body and returns the status and the body of the answer.
func (s *server) do(t *testing.T, method, path, token string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := new(http.Client).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

// lines is what a program wrote so far, line by line.
type lines struct {
	mu    sync.Mutex
	text  strings.Builder
	grown chan struct{} // closed and replaced at every write
}

func newLines() *lines { return &lines{grown: make(chan struct{})} }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	close(l.grown)
	l.grown = make(chan struct{})
	return len(p), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// wait returns the first line that holds part, as soon as it is written.
func (l *lines) wait(t *testing.T, part string) string {
	t.Helper()
	ctx, cancel := context.WithDeadline(t.Context(), lastCall(t))
	defer cancel()
	for {
		l.mu.Lock()
		text, grown := l.text.String(), l.grown
		l.mu.Unlock()
		for scan := bufio.NewScanner(strings.NewReader(text)); scan.Scan(); {
			if strings.Contains(scan.Text(), part) {
				return scan.Text()
			}
		}
		select {
		case <-grown:
		case <-ctx.Done():
			t.Fatalf("never wrote %s:\n%s", part, text)
		}
	}
}

// lastCall is when a test must stop waiting to be able to say what it waited for, before
// the test binary's time is up.
func lastCall(t *testing.T) time.Time {
	t.Helper()
	if deadline, ok := t.Deadline(); ok {
		return deadline.Add(-10 * time.Second)
	}
	return time.Now().Add(2 * time.Minute)
}

package fleet_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
)

// build compiles examples/httpserver, with these flags of go build, and returns where the
// program is.
func build(t *testing.T, flags ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "httpserver")
	cmd := exec.CommandContext(t.Context(), "go", append(append([]string{"build", "-o", program}, flags...), "./httpserver")...)
	cmd.Dir = filepath.Join("..", "..", "..", "examples")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// process is a running examples/httpserver.
type process struct {
	url string
	cmd *exec.Cmd
}

// start runs the program until the test ends, and returns when it is ready.
func start(t *testing.T, program string, environ []string) *process {
	t.Helper()
	address := freeAddress(t)
	p := &process{url: "http://" + address, cmd: exec.CommandContext(context.WithoutCancel(t.Context()), program)}
	p.cmd.Env = append(environ, "ADDR="+address)
	log := &strings.Builder{}
	p.cmd.Stderr = log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s wrote:\n%s", p.url, log)
		}
	})
	eventually(t, 30*time.Second, func() error {
		status, body, err := p.ask(t.Context(), http.MethodGet, "/readyz")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%d %s", status, body)
		}
		return err
	})
	return p
}

// freeAddress is one on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// stop is what a deploy does: SIGTERM, and wait for the end, which must be an orderly
// one.
func (p *process) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

func (p *process) ask(ctx context.Context, method, path string) (status int, body string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, p.url+path, nil)
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", "Bearer token")
	resp, err := new(http.Client).Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// answer is what the API says of a bridge, or of why there is none.
type answer struct {
	status  int
	State   bridge.State `json:"state"`
	Created bool         `json:"created"`
	JoinURL string       `json:"join_url"`
	Code    string       `json:"code"`
	Detail  string       `json:"detail"`
}

func (p *process) bridge(ctx context.Context, method, incident string) (answer, error) {
	status, body, err := p.ask(ctx, method, "/api/v1/incidents/"+incident+"/bridge")
	a := answer{status: status}
	if err == nil {
		err = json.Unmarshal([]byte(body), &a)
	}
	return a, err
}

// reach sends a request until the incident's bridge is in that state.
func (p *process) reach(t *testing.T, method, incident string, state bridge.State) answer {
	t.Helper()
	var last answer
	eventually(t, time.Minute, func() (err error) {
		last, err = p.bridge(t.Context(), method, incident)
		if err == nil && last.State != state {
			err = fmt.Errorf("%s is %+v, want %s", incident, last, state)
		}
		return err
	})
	return last
}

// eventually asks again until there is no error, or the time is up.
func eventually(t *testing.T, patience time.Duration, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	pause := time.NewTicker(100 * time.Millisecond)
	defer pause.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			t.Fatalf("after %v: %v", patience, err)
		}
	}
}

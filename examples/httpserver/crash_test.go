package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// marks returns the store writes and vendor requests at which a process is killed, before
// and after each. They are all of those in the life of one bridge; a mark that a run does
// not reach fails the test.
func marks() []string {
	return []string{
		"store put ledger",
		"store put creating", "store put created", "store put attached", "store put closing", "store put ending", "store put closed",
		"zoom POST token", "zoom POST meetings", "zoom GET meeting", "zoom PUT status", "zoom DELETE meeting",
		"pagerduty GET incident", "pagerduty PUT incident",
	}
}

// childEnv makes the test binary the program under test. Its value is the address to
// which the process reports its marks.
const childEnv = "INCIDENTBRIDGE_MARKS"

func TestMain(m *testing.M) {
	if at := os.Getenv(childEnv); at != "" {
		os.Exit(child(at))
	}
	os.Exit(m.Run())
}

// child runs the program with a store that reports each write.
func child(at string) int {
	ctx := context.Background() // the process is killed
	environ := map[string]string{}
	for _, pair := range os.Environ() {
		key, value, _ := strings.Cut(pair, "=")
		environ[key] = value
	}
	s, err := settings.Load(environ)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitSettings
	}
	logger := s.Logger(os.Stderr)
	backend, err := s.OpenStore(ctx, openers(), logger)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	backend.Store = reportingStore{backend.Store, at}
	if err := serveOn(ctx, s, backend, logger, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	return exitOK
}

// reportingStore reports each write to the test, before and after.
type reportingStore struct {
	tokenstore.Store
	at string
}

func (s reportingStore) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	kind, _, _ := strings.Cut(key, "/")
	var record struct{ State string }
	if kind == "bridge" && json.Unmarshal(r.Value, &record) == nil {
		kind = record.State
	}
	s.report("before", "store put "+kind)
	version, err := s.Store.Put(ctx, key, r)
	s.report("after", "store put "+kind)
	return version, err
}

// report returns once the test has received it, unless the test kills the process.
func (s reportingStore) report(when, mark string) {
	resp, err := new(http.Client).PostForm(s.at, url.Values{"when": {when}, "mark": {mark}})
	if err == nil {
		resp.Body.Close()
	}
}

// program is a process that is killed at one mark and started again, with its own store
// and vendors.
type program struct {
	environ []string
	zoom    *zoomtest.Server
	pd      *pagerdutytest.Server
	id      string

	when, mark string
	reached    atomic.Bool

	mu  sync.Mutex
	cmd *exec.Cmd
	url string
}

func newProgram(t *testing.T, store, when, mark string) *program {
	t.Helper()
	p := &program{
		zoom: zoomtest.New(zoomtest.WithUsers("host@example.com")), pd: pagerdutytest.New(), when: when, mark: mark,
	}
	p.id = p.pd.AddIncident("Checkout answers 5xx")
	zoom, pd := p.proxy(t, "zoom", p.zoom.Handler()), p.proxy(t, "pagerduty", p.pd.Handler())
	account, client, secret := p.zoom.AccountCredentials()
	marksServer := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		p.pass(r.PostFormValue("when"), r.PostFormValue("mark"))
	}))
	t.Cleanup(marksServer.Close)
	p.environ = []string{
		childEnv + "=" + marksServer.URL, "ADDR=127.0.0.1:0", "ACTION_TOKENS=token", "CLOSE_GRACE=1s",
		"STORE_URL=" + store, "STORE_KEYS=k:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
		"ZOOM_ACCOUNT_ID=" + account, "ZOOM_CLIENT_ID=" + client, "ZOOM_CLIENT_SECRET=" + secret,
		"ZOOM_HOSTS=host@example.com", "ZOOM_API_URL=" + zoom + "/v2", "ZOOM_OAUTH_URL=" + zoom + "/oauth",
		"PAGERDUTY_TOKEN=" + p.pd.Key(), "PAGERDUTY_FROM=" + p.pd.From(), "PAGERDUTY_API_URL=" + pd,
	}
	t.Cleanup(p.kill)
	return p
}

// proxy returns the address of a proxy to a vendor that reports each request.
func (p *program) proxy(t *testing.T, vendor string, next http.Handler) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
		what := parts[len(parts)-1]
		if strings.ContainsAny(what, "0123456789") {
			what = strings.TrimSuffix(parts[len(parts)-2], "s")
		}
		p.pass("before", vendor+" "+r.Method+" "+what)
		recorder := httptest.NewRecorder()
		next.ServeHTTP(recorder, r)
		p.pass("after", vendor+" "+r.Method+" "+what)
		maps.Copy(w.Header(), recorder.Header())
		w.WriteHeader(recorder.Code)
		_, _ = w.Write(recorder.Body.Bytes())
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// pass kills the program once, at its mark.
func (p *program) pass(when, mark string) {
	if when == p.when && mark == p.mark && p.reached.CompareAndSwap(false, true) {
		p.kill()
	}
}

// kill kills the process and waits for its end.
func (p *program) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		p.cmd, p.url = nil, ""
	}
}

// address returns where the program listens. It starts the program if it is not running.
func (p *program) address() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		return p.url, nil
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = p.environ
	out, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return "", err
	}
	p.cmd = cmd
	listening, log := make(chan string, 1), bufio.NewScanner(out)
	go func() {
		defer close(listening)
		var output bytes.Buffer
		for log.Scan() {
			var l line
			_ = json.Unmarshal(log.Bytes(), &l)
			if l.Msg == "listening" {
				listening <- l.PublicURL
				_, _ = io.Copy(io.Discard, out)
				return
			}
			output.Write(log.Bytes())
		}
		listening <- output.String()
	}()
	p.url = <-listening // or the output of a process that was killed first
	return p.url, nil
}

// until repeats a request, as a vendor would, until the bridge is in that state.
func (p *program) until(ctx context.Context, method, state string) error {
	last := "nothing"
	for ctx.Err() == nil {
		response, err := p.send(ctx, method)
		if strings.Contains(response, `"state":"`+state+`"`) {
			return nil
		}
		if err != nil {
			response = err.Error()
		}
		last = response
		select {
		case <-time.After(300 * time.Millisecond): // PagerDuty waits longer
		case <-ctx.Done():
		}
	}
	return fmt.Errorf("not %s in time; last: %s", state, last)
}

func (p *program) send(ctx context.Context, method string) (string, error) {
	address, err := p.address()
	if err != nil {
		return "", err
	}
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(`{"idempotency_key":"delivery-1"}`)
	}
	req, err := http.NewRequestWithContext(ctx, method, address+"/api/v1/incidents/"+p.id+"/bridge", body)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer token")
	resp, err := new(http.Client).Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// run opens and closes one bridge with redelivered triggers.
func (p *program) run(ctx context.Context) error {
	if err := p.until(ctx, http.MethodPost, "attached"); err != nil {
		return err
	}
	existing := p.meetings()
	shown := p.pd.Incident(p.id).Bridge.URL
	if len(existing) != 1 || existing[0].JoinURL != shown || len(p.zoom.Meetings()) != 1 {
		return fmt.Errorf("attached: %d of %d meetings exist, the incident shows %q", len(existing), len(p.zoom.Meetings()), shown)
	}
	if err := p.until(ctx, http.MethodDelete, "closed"); err != nil {
		return err
	}
	if existing := p.meetings(); len(existing) != 0 {
		return fmt.Errorf("closed: %d meetings remain", len(existing))
	}
	if !p.reached.Load() {
		return fmt.Errorf("the mark was not reached")
	}
	return nil
}

func (p *program) meetings() []zoomtest.Meeting {
	return slices.DeleteFunc(p.zoom.Meetings(), func(m zoomtest.Meeting) bool { return m.Deleted })
}

// A process is killed before and after every store write and vendor request, and started
// again while its triggers are redelivered. There is one meeting, it is on the incident,
// and none remains at the end.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("NOT TESTED: a minute of killed processes")
	}
	stores := []struct {
		name  string
		fresh func(t *testing.T) string
	}{
		{"SQLite", func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "bridge.db") }},
		{"PostgreSQL", postgresSchema},
	}
	for _, store := range stores {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
			defer cancel()
			began := time.Now()
			var wg sync.WaitGroup
			slots := make(chan struct{}, 8) // most of a run is waiting for a lease
			kills := 0
			for _, mark := range marks() {
				for _, when := range []string{"before", "after"} {
					kills++
					p := newProgram(t, store.fresh(t), when, mark)
					wg.Go(func() {
						slots <- struct{}{}
						defer func() { <-slots }()
						if err := p.run(ctx); err != nil {
							t.Errorf("killed %s %q: %v", when, mark, err)
						}
						p.kill()
					})
				}
			}
			wg.Wait()
			t.Logf("%d kills in %v", kills, time.Since(began).Round(time.Second))
		})
	}
}

// postgresSchema creates a schema in the database that .ci/services starts, and returns
// its URL.
func postgresSchema(t *testing.T) string {
	t.Helper()
	server := os.Getenv("INCIDENTBRIDGE_POSTGRES")
	if server == "" && os.Getenv("CI") == "true" {
		t.Fatal("PostgreSQL is not here and must be: source .ci/services")
	}
	if server == "" {
		t.Skip("NOT TESTED: PostgreSQL is not here: source .ci/services")
	}
	db, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	schema := "killed_" + strings.ToLower(rand.Text())
	if _, err := db.ExecContext(t.Context(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	return server + "&search_path=" + schema
}

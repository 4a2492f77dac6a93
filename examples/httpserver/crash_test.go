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

// marks are the places at which a process is killed: before each of these is processed, and after. They are all that the
// life of one bridge comes to; a place that a run does not reach fails the test.
func marks() []string {
	return []string{
		"store put ledger",
		"store put creating", "store put created", "store put attached", "store put closing", "store put ending", "store put closed",
		"zoom POST token", "zoom POST meetings", "zoom GET meeting", "zoom PUT status", "zoom DELETE meeting",
		"pagerduty GET incident", "pagerduty PUT incident",
	}
}

// childEnv makes the test binary the program under test: it holds the address at which the process asks whether it may go
// on.
const childEnv = "INCIDENTBRIDGE_MARKS"

func TestMain(m *testing.M) {
	if at := os.Getenv(childEnv); at != "" {
		os.Exit(child(at))
	}
	os.Exit(m.Run())
}

// child is the program, with a store that asks before and after each write.
func child(at string) int {
	ctx := context.Background() // it ends by being killed
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
	backend.Store = marking{backend.Store, at}
	if err := serveOn(ctx, s, backend, logger, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	return exitOK
}

// marking tells the test of each write.
type marking struct {
	tokenstore.Store
	at string
}

func (m marking) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	kind, _, _ := strings.Cut(key, "/")
	var record struct{ State string }
	if kind == "bridge" && json.Unmarshal(r.Value, &record) == nil {
		kind = record.State
	}
	m.ask("before", "store put "+kind)
	version, err := m.Store.Put(ctx, key, r)
	m.ask("after", "store put "+kind)
	return version, err
}

// ask waits until the test has heard of it. It may kill instead.
func (m marking) ask(when, mark string) {
	resp, err := new(http.Client).PostForm(m.at, url.Values{"when": {when}, "mark": {mark}})
	if err == nil {
		resp.Body.Close()
	}
}

// doomed is a program that is killed at one mark and started again, on one store, with vendors of its own.
type doomed struct {
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

func newDoomed(t *testing.T, store, when, mark string) *doomed {
	t.Helper()
	d := &doomed{
		zoom: zoomtest.New(zoomtest.WithUsers("host@example.com")), pd: pagerdutytest.New(), when: when, mark: mark,
	}
	d.id = d.pd.AddIncident("Checkout answers 5xx")
	zoom, pd := d.front(t, "zoom", d.zoom.Handler()), d.front(t, "pagerduty", d.pd.Handler())
	account, client, secret := d.zoom.AccountCredentials()
	asked := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		d.pass(r.PostFormValue("when"), r.PostFormValue("mark"))
	}))
	t.Cleanup(asked.Close)
	d.environ = []string{
		childEnv + "=" + asked.URL, "ADDR=127.0.0.1:0", "ACTION_TOKENS=token", "CLOSE_GRACE=1s",
		"STORE_URL=" + store, "STORE_KEYS=k:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
		"ZOOM_ACCOUNT_ID=" + account, "ZOOM_CLIENT_ID=" + client, "ZOOM_CLIENT_SECRET=" + secret,
		"ZOOM_HOSTS=host@example.com", "ZOOM_API_URL=" + zoom + "/v2", "ZOOM_OAUTH_URL=" + zoom + "/oauth",
		"PAGERDUTY_TOKEN=" + d.pd.Key(), "PAGERDUTY_FROM=" + d.pd.From(), "PAGERDUTY_API_URL=" + pd,
	}
	t.Cleanup(d.kill)
	return d
}

// front stands before a vendor and tells of each request.
func (d *doomed) front(t *testing.T, vendor string, next http.Handler) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
		what := parts[len(parts)-1]
		if strings.ContainsAny(what, "0123456789") {
			what = strings.TrimSuffix(parts[len(parts)-2], "s")
		}
		d.pass("before", vendor+" "+r.Method+" "+what)
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		d.pass("after", vendor+" "+r.Method+" "+what)
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// pass lets the program go on, or kills it: once, at its mark.
func (d *doomed) pass(when, mark string) {
	if when == d.when && mark == d.mark && d.reached.CompareAndSwap(false, true) {
		d.kill()
	}
}

// kill is kill -9.
func (d *doomed) kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cmd != nil {
		_ = d.cmd.Process.Kill()
		_ = d.cmd.Wait()
		d.cmd, d.url = nil, ""
	}
}

// address is where the program listens. It is started if it is dead.
func (d *doomed) address() (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cmd != nil {
		return d.url, nil
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = d.environ
	out, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return "", err
	}
	d.cmd = cmd
	listening, log := make(chan string, 1), bufio.NewScanner(out)
	go func() {
		defer close(listening)
		var said bytes.Buffer
		for log.Scan() {
			var l line
			_ = json.Unmarshal(log.Bytes(), &l)
			if l.Msg == "listening" {
				listening <- l.PublicURL
				_, _ = io.Copy(io.Discard, out)
				return
			}
			said.Write(log.Bytes())
		}
		listening <- said.String()
	}()
	d.url = <-listening // or what it said before it was killed
	return d.url, nil
}

// until sends a request again and again, as a vendor would, until the bridge is in that state.
func (d *doomed) until(ctx context.Context, method, state string) error {
	last := "nothing"
	for ctx.Err() == nil {
		answer, err := d.send(ctx, method)
		if strings.Contains(answer, `"state":"`+state+`"`) {
			return nil
		}
		if err != nil {
			answer = err.Error()
		}
		last = answer
		select {
		case <-time.After(300 * time.Millisecond): // PagerDuty waits longer
		case <-ctx.Done():
		}
	}
	return fmt.Errorf("not %s in time; last: %s", state, last)
}

func (d *doomed) send(ctx context.Context, method string) (string, error) {
	address, err := d.address()
	if err != nil {
		return "", err
	}
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(`{"idempotency_key":"delivery-1"}`)
	}
	req, err := http.NewRequestWithContext(ctx, method, address+"/api/v1/incidents/"+d.id+"/bridge", body)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer token")
	resp, err := new(http.Client).Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return string(answer), err
}

// live is the life of one bridge under redelivery, from the click to its end.
func (d *doomed) live(ctx context.Context) error {
	if err := d.until(ctx, http.MethodPost, "attached"); err != nil {
		return err
	}
	there := d.meetings()
	shown := d.pd.Incident(d.id).Bridge.URL
	if len(there) != 1 || there[0].JoinURL != shown || len(d.zoom.Meetings()) != 1 {
		return fmt.Errorf("attached: %d meetings of %d made, the incident shows %q", len(there), len(d.zoom.Meetings()), shown)
	}
	if err := d.until(ctx, http.MethodDelete, "closed"); err != nil {
		return err
	}
	if there := d.meetings(); len(there) != 0 {
		return fmt.Errorf("closed: %d meetings are left", len(there))
	}
	if !d.reached.Load() {
		return fmt.Errorf("the mark was not reached")
	}
	return nil
}

func (d *doomed) meetings() []zoomtest.Meeting {
	return slices.DeleteFunc(d.zoom.Meetings(), func(m zoomtest.Meeting) bool { return m.Deleted })
}

// A process is killed at every store write and every call to a vendor, before it is processed and after, and started
// again while its triggers are redelivered: there is one meeting, it is on the incident, and nothing is left of it.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
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
			var all sync.WaitGroup
			places := make(chan struct{}, 8) // most of a life is waiting for a lease
			kills := 0
			for _, mark := range marks() {
				for _, when := range []string{"before", "after"} {
					kills++
					d := newDoomed(t, store.fresh(t), when, mark)
					all.Go(func() {
						places <- struct{}{}
						defer func() { <-places }()
						if err := d.live(ctx); err != nil {
							t.Errorf("killed %s %q: %v", when, mark, err)
						}
						d.kill()
					})
				}
			}
			all.Wait()
			t.Logf("%d kills in %v", kills, time.Since(began).Round(time.Second))
		})
	}
}

// postgresSchema is a database of its own inside the one that .ci/services starts.
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

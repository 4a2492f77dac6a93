package fleet_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/tokenstore/sqlstore"
)

// While the store is down a process is alive and not ready, keeps nothing and says so;
// when it is back, it serves.
func TestAStoreThatIsDown(t *testing.T) {
	t.Parallel()
	store, err := url.Parse(postgresSchema(t))
	if err != nil {
		t.Fatal(err)
	}
	line := newLine(t, store.Host)
	store.Host = line.address
	v := newVendors(t)
	id := v.pd.AddIncident("Down")
	p := start(t, build(t), v.environ(store.String()))

	line.cut()
	eventually(t, 10*time.Second, func() error {
		return p.wantStatus(t.Context(), http.MethodGet, "/readyz", http.StatusServiceUnavailable)
	})
	if err := p.wantStatus(t.Context(), http.MethodGet, "/healthz", http.StatusOK); err != nil {
		t.Error(err)
	}
	a, err := p.bridge(t.Context(), http.MethodPost, id)
	if err != nil || a.status != http.StatusServiceUnavailable || a.Code != "unavailable" {
		t.Errorf("a click: %+v, %v; want 503 unavailable", a, err)
	}
	if made := len(v.zoom.Meetings()); made != 0 {
		t.Errorf("%d meetings were made without a claim", made)
	}

	line.mend()
	eventually(t, 10*time.Second, func() error { return p.wantStatus(t.Context(), http.MethodGet, "/readyz", http.StatusOK) })
	p.reach(t, http.MethodPost, id, bridge.StateAttached)
	v.wantOneEach(t, []string{id})
}

func (p *process) wantStatus(ctx context.Context, method, path string, want int) error {
	status, body, err := p.ask(ctx, method, path)
	if err == nil && status != want {
		err = fmt.Errorf("%s %s: %d %s, want %d", method, path, status, body, want)
	}
	return err
}

// line is the way to a server, which can be cut.
type line struct {
	address string

	mu    sync.Mutex
	down  bool
	conns []net.Conn
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	l := &line{address: listener.Addr().String()}
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			l.join(near, to)
		}
	}()
	return l
}

func (l *line) join(near net.Conn, to string) {
	far, err := new(net.Dialer).DialContext(context.Background(), "tcp", to)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil || l.down {
		_ = near.Close()
		return
	}
	l.conns = append(l.conns, near, far)
	carry := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_ = to.Close()
	}
	go carry(far, near)
	go carry(near, far)
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = true
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
}

// A record that is damaged, or sealed with a key that nobody has any more, is an error of
// that incident alone, and it hides no other that is due.
func TestARecordThatCannotBeRead(t *testing.T) {
	t.Parallel()
	program := build(t)
	for name, value := range map[string][]byte{
		"damaged":                    []byte("\x01k:damaged"),
		"sealed with another key":    []byte("\x01other:0123456789012345678901234567890123456789"),
		"sealed, and cut in half":    nil,
		"never sealed, and not JSON": []byte("bridge"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := sqliteFile(t)
			v := newVendors(t)
			hurt, sound := v.pd.AddIncident("hurt"), v.pd.AddIncident("sound")
			p := start(t, program, v.environ(store))
			p.reach(t, http.MethodPost, hurt, bridge.StateAttached)
			p.stop(t)
			damage(t, store, hurt, value)

			q := start(t, program, v.environ(store))
			a, err := q.bridge(t.Context(), http.MethodPost, hurt)
			if err != nil || a.status != http.StatusServiceUnavailable || !strings.Contains(a.Detail, hurt) {
				t.Errorf("the hurt one: %+v, %v; want 503 that names it", a, err)
			}
			q.reach(t, http.MethodPost, sound, bridge.StateAttached)
			q.reach(t, http.MethodDelete, sound, bridge.StateClosed)
			if there := v.meetings(); len(there) != 1 || there[0].JoinURL != v.pd.Incident(hurt).Bridge.URL {
				t.Errorf("%d meetings; want the hurt incident's, which nobody touched", len(there))
			}
		})
	}
}

// damage puts value in the place of a record's, or half of what is there, and makes the
// record due.
func damage(t *testing.T, store, incident string, value []byte) {
	t.Helper()
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(strings.TrimPrefix(store, "sqlite:")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s, err := sqlstore.New(db, sqlstore.SQLite)
	if err != nil {
		t.Fatal(err)
	}
	key := "bridge/default/" + incident
	r, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if value == nil {
		value = r.Value[:len(r.Value)/2]
	}
	r.Value, r.DueAt = value, time.Now().Add(-time.Minute)
	if _, err := s.Put(t.Context(), key, r); err != nil {
		t.Fatal(err)
	}
}

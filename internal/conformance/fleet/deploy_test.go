package fleet_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// nextFormat is the flag that builds the program of a later day, whose records an older
// one does not know.
func nextFormat(t *testing.T) string {
	t.Helper()
	original, err := filepath.Abs(filepath.Join("..", "..", "..", "bridge", "internal", "ledger", "record.go"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	const today, later = "const format = 2\n", "const format = 3\n"
	if strings.Count(string(text), today) != 1 {
		t.Fatalf("record.go does not say %q once", today)
	}
	changed := filepath.Join(t.TempDir(), "record.go")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(text), today, later, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(overlay, list, 0o600); err != nil {
		t.Fatal(err)
	}
	return "-overlay=" + overlay
}

// A deploy replaces the processes one after the other by those of a program whose records
// the older one cannot read. The older leaves such records alone and says so; nothing is
// lost and nothing made twice.
func TestRollingDeploy(t *testing.T) {
	t.Parallel()
	older, newer := build(t), build(t, nextFormat(t))
	for name, fresh := range map[string]func(*testing.T) string{"SQLite": sqliteFile, "PostgreSQL": postgresSchema} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVendors(t)
			environ := v.environ(fresh(t))
			before, during, halfway := v.pd.AddIncident("before"), v.pd.AddIncident("during"), v.pd.AddIncident("half-way")
			all := []string{before, during, halfway}

			first, second := start(t, older, environ), start(t, older, environ)
			first.reach(t, http.MethodPost, before, bridge.StateAttached)

			third := start(t, newer, environ)
			third.reach(t, http.MethodPost, during, bridge.StateAttached)
			a, err := second.bridge(t.Context(), http.MethodPost, during)
			if err != nil || a.status != http.StatusServiceUnavailable || !strings.Contains(a.Detail, "run the newer program") {
				t.Errorf("the older program on a newer record: %+v, %v; want 503 that says which program can", a, err)
			}

			// An older process dies between Zoom and the store; a newer one finishes what
			// it began.
			v.zoom.Fault(zoomtest.CreateMeeting, zoomtest.ResetAfter().After(time.Second))
			died := make(chan struct{})
			go func() {
				defer close(died)
				_, _ = first.bridge(t.Context(), http.MethodPost, halfway)
			}()
			eventually(t, 10*time.Second, v.createdFor(3))
			first.kill()
			<-died
			second.stop(t)
			fourth := start(t, newer, environ)
			third.reach(t, http.MethodGet, halfway, bridge.StateAttached)
			v.wantOneEach(t, all)

			for _, id := range all {
				fourth.reach(t, http.MethodDelete, id, bridge.StateClosed)
			}
			if left := len(v.meetings()); left != 0 {
				t.Errorf("%d meetings are left, want none", left)
			}
			third.stop(t)
			fourth.stop(t)
		})
	}
}

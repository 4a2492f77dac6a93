package fleet_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
)

// Three processes on one store, 500 clicks over 20 incidents: 20 meetings, each on its
// incident.
func TestThreeProcesses(t *testing.T) {
	t.Parallel()
	const clicks, incidents, atOnce = 500, 20, 40
	program := build(t)
	eachStore(t, func(t *testing.T, store string) {
		v := newVendors(t)
		var ids []string
		for range incidents {
			ids = append(ids, v.pd.AddIncident("Down"))
		}
		var processes []*process
		for range 3 {
			processes = append(processes, start(t, program, v.environ(store)))
		}

		began := time.Now()
		var (
			all     sync.WaitGroup
			mu      sync.Mutex
			created = map[string]int{}
			links   = map[string]map[string]bool{}
		)
		next := make(chan int, clicks)
		for i := range clicks {
			next <- i
		}
		close(next)
		for range atOnce {
			all.Go(func() {
				for i := range next {
					id := ids[i%incidents]
					a, err := processes[i/incidents%3].bridge(t.Context(), http.MethodPost, id)
					if err != nil || a.status >= 300 {
						t.Errorf("click %d: %+v, %v", i, a, err)
						continue
					}
					mu.Lock()
					if a.Created {
						created[id]++
					}
					if a.State == bridge.StateAttached {
						if links[id] == nil {
							links[id] = map[string]bool{}
						}
						links[id][a.JoinURL] = true
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
		took := time.Since(began)
		for _, id := range ids {
			processes[0].reach(t, http.MethodPost, id, bridge.StateAttached)
			if created[id] != 1 || len(links[id]) != 1 {
				t.Errorf("%s: %d callers made it, %d links were answered, want 1 and 1", id, created[id], len(links[id]))
			}
		}
		v.wantOneEach(t, ids)
		if made := len(v.zoom.Meetings()); made != incidents {
			t.Errorf("%d meetings were made, want %d", made, incidents)
		}
		t.Logf("%d clicks over %d incidents in three processes: %d meetings, %v", clicks, incidents, len(v.meetings()), took.Round(time.Millisecond))
	})
}

package simtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// counter is a simulation of processes that count a number in the store up.
type counter struct {
	*Sim
	store   tokenstore.Store
	careful bool // they take a conflict for what it is
	counted int  // writes that a process was told of
}

type ended struct{ counted, stored int }

func noCountIsLost(_ *counter, e ended) error {
	if e.stored < e.counted {
		return fmt.Errorf("%d were counted, %d are stored", e.counted, e.stored)
	}
	return nil
}

func counterConfig(careful bool) Config {
	return Config{
		Package: "./internal/simtest", Quick: 20, Twice: 5,
		Cells: slices.Concat(
			StoreFaults("store get", false), StoreFaults("store put", true), VendorFaults("vendor ask", false),
		),
		Play: func(sim *Sim) {
			c := &counter{Sim: sim, store: tokenstore.NewMemory(), careful: careful}
			c.FaultPercent = 5
			c.Boot = sim.NewProcess
			for range 2 {
				c.Boot()
			}
			for range 150 {
				c.Rest()
				c.DoOne(100, c.actions())
			}
			c.StopFaults()
			r, _ := c.store.Get(context.Background(), "count")
			Check(sim, []Promise[*counter]{On("no count is lost", noCountIsLost)}, c, ended{c.counted, number(r)})
		},
	}
}

func (c *counter) actions() []Action {
	actions := []Action{
		{20, func() { c.Pass(c.Between(time.Millisecond, 10*time.Second)) }},
		{2, func() { c.Restart(c.BusyProcess()) }},
		{2, c.ToggleStore},
	}
	if p := Pick(c.Sim, c.processes...); !p.IsFrozen() && c.AtWork() < 4 {
		actions = append(actions, Action{30, func() { c.count(p) }})
	}
	if !c.IsFrozen() {
		actions = append(actions, Action{2, c.FreezeBusy})
	}
	if c.MayUnfreeze() {
		actions = append(actions, Action{10, c.Unfreeze})
	}
	if c.HasLate() {
		actions = append(actions, Action{5, c.LetOneArriveLate})
	}
	return actions
}

// count lets a process ask the vendor and count up by one.
func (c *counter) count(p *Process) {
	vendor := Transport{
		Sim: c.Sim, Next: answerOK{},
		Describe: func(r *http.Request, _ []byte) (*Call, func(Response)) {
			return &Call{By: ActorOf(r.Context()), Op: "ask", Step: "vendor ask"}, nil
		},
	}
	store := Store{Sim: c.Sim, Shared: c.store, Actor: ActorOf}
	c.Start(p, &Actor{Name: "counts "}, 8*time.Second, func(ctx context.Context) func() {
		err := ask(ctx, vendor)
		if err == nil {
			err = c.add(ctx, store)
		}
		return func() {
			if err == nil {
				c.counted++
			}
		}
	})
}

func ask(ctx context.Context, vendor http.RoundTripper) error {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "https://vendor.test", nil)
	resp, err := vendor.RoundTrip(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

func (c *counter) add(ctx context.Context, store tokenstore.Store) error {
	r, err := store.Get(ctx, "count")
	if err != nil && !errors.Is(err, tokenstore.ErrNotFound) {
		return err
	}
	n := number(r)
	_, err = store.Put(ctx, "count", tokenstore.Record{Value: fmt.Append(nil, n+1), Version: r.Version})
	if errors.Is(err, tokenstore.ErrConflict) && !c.careful {
		return nil
	}
	return err
}

func number(r tokenstore.Record) (n int) {
	_ = json.Unmarshal(r.Value, &n) // what is not there counts nothing
	return n
}

type answerOK struct{}

func (answerOK) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

func TestASimulationThatKeepsItsPromises(t *testing.T) {
	t.Parallel()
	counterConfig(true).Run(t)
}

func TestASeedGivesOneRun(t *testing.T) {
	t.Parallel()
	counterConfig(true).RunTwice(t)
}

func TestABrokenPromiseIsFound(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		var s *Sim
		synctest.Test(t, func(t *testing.T) { s = counterConfig(false).play(t, seed+1) })
		if !s.Violated() {
			continue
		}
		if !strings.HasPrefix(s.violations[0], "broken: no count is lost: ") {
			t.Errorf("it says %q", s.violations[0])
		}
		return
	}
	t.Error("50 seeds do not find a lost update")
}

func TestEveryFaultMeetsEveryStep(t *testing.T) {
	t.Parallel()
	met, all := cells{}, counterConfig(true).Cells
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) { met.add(counterConfig(true).play(t, seed+1).cells) })
	}
	if diff := cmp.Diff([]string(nil), met.missing(all)); diff != "" {
		t.Errorf("never met (-want +got):\n%s", diff)
	}
	if got := (cells{}).missing(all); len(got) != len(all) {
		t.Errorf("of %d cells that were never met %d are missing", len(all), len(got))
	}
}

func TestWhatAFaultLeaves(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		meet   func(*Sim, *Call)
		want   error
		stored bool // in the end
	}{
		{name: "none", meet: func(s *Sim, c *Call) { s.Process(c); s.Answer(c) }, stored: true},
		{name: "lost", meet: func(s *Sim, c *Call) { s.Fail(c, Lost) }, want: ErrStoreDown},
		{name: "answer lost", meet: func(s *Sim, c *Call) { s.Process(c); s.Fail(c, LostAfter) }, want: ErrStoreDown, stored: true},
		{name: "hangs", meet: func(s *Sim, c *Call) { s.Fail(c, Hang) }, want: context.DeadlineExceeded, stored: true},
		{name: "late", meet: func(s *Sim, c *Call) { s.Fail(c, Late) }, want: ErrStoreDown, stored: true},
		{name: "too late", meet: func(s *Sim, c *Call) {
			c.LateBound = time.Second
			s.Fail(c, Late)
			s.Pass(2 * time.Second)
		}, want: ErrStoreDown},
		{name: "crash", meet: func(s *Sim, c *Call) {
			s.Kill(c.By.Process)
			s.gate.take(c)
		}, want: ErrCrashed},
		{name: "freeze", meet: func(s *Sim, c *Call) {
			s.Freeze(c.By.Process, time.Minute)
			s.Process(c)
			s.Pass(time.Minute)
			s.Unfreeze()
		}, want: context.DeadlineExceeded, stored: true},
		{name: "freeze, and the answer is there", meet: func(s *Sim, c *Call) {
			c.TakesLateAnswer = true
			s.Freeze(c.By.Process, time.Minute)
			s.Process(c)
			s.Pass(time.Minute)
			s.Unfreeze()
		}, stored: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var (
					got    error
					shared = tokenstore.NewMemory()
				)
				Config{Play: func(s *Sim) {
					store := Store{Sim: s, Shared: shared, Actor: ActorOf}
					s.Start(s.NewProcess(), &Actor{Name: "puts "}, 5*time.Second, func(ctx context.Context) func() {
						_, got = store.Put(ctx, "key", tokenstore.Record{Value: []byte("value")})
						return func() {}
					})
					s.QuietBut(Meets{"store put": func(c *Call) { tt.meet(s, c) }})
					s.Rest()
					for s.HasLate() { // one of ten is lost for good, not with this seed
						s.LetOneArriveLate()
					}
				}}.play(t, 1)
				if !errors.Is(got, tt.want) {
					t.Errorf("the sender sees %v, want %v", got, tt.want)
				}
				if _, err := shared.Get(t.Context(), "key"); (err == nil) != tt.stored {
					t.Errorf("in the end the store says %v", err)
				}
			})
		})
	}
}

func TestKillable(t *testing.T) {
	t.Parallel()
	var (
		p     Killable
		store = p.Store(tokenstore.NewMemory())
		ctx   = t.Context()
	)
	reach := func() []error {
		version, put := store.Put(ctx, "key", tokenstore.Record{Value: []byte("value")})
		_, get := store.Get(ctx, "key")
		_, _, due := store.Due(ctx, "key", time.Now(), "", 1)
		return []error{put, get, due, store.Delete(ctx, "key", version), ask(ctx, p.Transport(answerOK{}))}
	}
	for i, err := range reach() {
		if err != nil {
			t.Errorf("call %d of a living process: %v", i, err)
		}
	}
	p.Kill()
	for i, err := range reach() {
		if !errors.Is(err, ErrKilled) {
			t.Errorf("call %d of a dead process: %v", i, err)
		}
	}
}

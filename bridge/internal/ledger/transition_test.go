package ledger

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// states are all that transition.go declares, so that the tables below cannot miss one.
func states(t *testing.T) []State {
	t.Helper()
	found := statesIn(t, "transition.go", nil)
	if !slices.Contains(found, StateNone) || !slices.Contains(found, StateAbandoned) {
		t.Fatalf("found only the states %q in transition.go", found)
	}
	return found
}

// statesIn returns the constants of type State that a file declares; src as for
// parser.ParseFile.
func statesIn(t *testing.T, name string, src any) []State {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var found []State
	for _, declared := range file.Decls {
		group, ok := declared.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			constants := spec.(*ast.ValueSpec) //nolint:forcetypeassert // a const has no other spec
			if kind, ok := constants.Type.(*ast.Ident); !ok || kind.Name != "State" {
				continue
			}
			for i, name := range constants.Names {
				literal, ok := constants.Values[i].(*ast.BasicLit)
				if !ok {
					t.Fatalf("the value of %s is not a literal", name.Name)
				}
				value, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatalf("the value of %s: %v", name.Name, err)
				}
				found = append(found, State(value))
			}
		}
	}
	return found
}

func TestDeclaredStatesAreFound(t *testing.T) {
	t.Parallel()
	const src = `package ledger

type State string

const StateOne State = "one"

const (
	StateTwo, StateThree State = "two", "three"
	other                Task  = "task"
	untyped                    = "untyped"
)
`
	if diff := cmp.Diff([]State{"one", "two", "three"}, statesIn(t, "sample.go", src)); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

// recordIn is a record in the state, with everything in it that a transition reads.
func recordIn(s State) *Record {
	r := &Record{
		IncidentID: "P1", State: s, Generation: 1, Nonce: "n", OpenedAt: at,
		RetryAt: at, CloseAt: at, ExpiresAt: at, VerifyAt: at,
	}
	if s != StateNone && s != StateCreating && s != StateFailed {
		r.Decision = &Decision{Provider: "zoom", MeetingID: "1", JoinURL: "https://zoom.us/j/1"}
	}
	r.stored = r.position()
	return r
}

// Every pair of states: what the table lists is done, and what it does not list is
// refused and never stored.
func TestEveryPairOfStates(t *testing.T) {
	t.Parallel()
	allowed := map[State][]State{
		StateNone:      {StateCreating},
		StateCreating:  {StateCreated, StateClosed, StateFailed, StateExternal, StateAbandoned},
		StateCreated:   {StateCreating, StateAttached, StateClosing, StateExternal, StateAbandoned},
		StateAttached:  {StateCreating, StateClosing, StateExternal, StateAbandoned},
		StateClosing:   {StateCreating, StateCreated, StateAttached, StateEnding, StateExternal, StateAbandoned},
		StateEnding:    {StateClosed, StateAbandoned},
		StateClosed:    {StateCreating},
		StateFailed:    {StateCreating, StateClosed},
		StateExternal:  {StateCreating},
		StateAbandoned: {StateCreating},
	}
	declared := states(t)
	for _, from := range declared {
		if _, ok := allowed[from]; !ok {
			t.Errorf("the table of this test does not name the state %q", from)
		}
		for _, to := range declared {
			r := recordIn(from)
			r.to(to)
			_, err := newStore().Write(t.Context(), r)
			if slices.Contains(allowed[from], to) {
				if err != nil || r.State != to {
					t.Errorf("%q to %q: state %q, %v", from, to, r.State, err)
				}
				continue
			}
			if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "may not follow") || r.State != from {
				t.Errorf("%q to %q: state %q, error %v, want it refused", from, to, r.State, err)
			}
		}
	}
}

// Each transition from each state: where it leads, or "refused".
func TestWhereTransitionsLead(t *testing.T) {
	t.Parallel()
	const refused State = "refused"
	decision := &Decision{Provider: "zoom", MeetingID: "2", JoinURL: "https://zoom.us/j/2"}
	all := func(s State) map[State]State {
		m := map[State]State{}
		for _, from := range states(t) {
			m[from] = s
		}
		return m
	}
	only := func(pairs map[State]State) map[State]State {
		m := all(refused)
		maps.Copy(m, pairs)
		return m
	}
	transitions := []struct {
		name string
		do   func(*Record)
		want map[State]State
	}{
		{"Begin", func(r *Record) { r.Begin(Requested{}, at) }, only(map[State]State{
			StateNone: StateCreating, StateCreated: StateCreating, StateAttached: StateCreating,
			StateClosing: StateCreating, StateClosed: StateCreating, StateFailed: StateCreating,
			StateExternal: StateCreating, StateAbandoned: StateCreating,
		})},
		{"Decide", func(r *Record) { r.Decide(decision, at, 0) }, only(map[State]State{
			StateCreating: StateCreated, StateClosing: StateCreated,
		})},
		{"Decide, close requested", func(r *Record) {
			r.CloseRequested = CloseRequested
			r.Decide(decision, at, 0)
		}, only(map[State]State{StateCreating: StateClosing, StateClosing: StateClosing})},
		{"StartClosing", func(r *Record) { r.StartClosing(CloseMaxAge, at, 0) }, only(map[State]State{
			StateCreated: StateClosing, StateAttached: StateClosing, StateClosing: StateClosing,
		})},
		{"CancelClosing", func(r *Record) { r.CancelClosing() }, only(map[State]State{
			StateCreating: StateCreated, StateClosing: StateCreated,
		})},
		{"CancelClosingAttached", func(r *Record) { r.CancelClosingAttached(0) }, only(map[State]State{
			StateCreated: StateAttached, StateClosing: StateAttached,
		})},
		{"StartEnding", func(r *Record) { r.StartEnding() }, only(map[State]State{StateClosing: StateEnding})},
		{"End", func(r *Record) { r.End(at) }, only(map[State]State{
			StateCreating: StateClosed, StateEnding: StateClosed, StateFailed: StateClosed,
		})},
		{"Abort", func(r *Record) { r.Abort(CloseResolved, at) }, only(map[State]State{
			StateCreating: StateClosed, StateEnding: StateClosed, StateFailed: StateClosed,
		})},
		{"KeepExternal", func(r *Record) { r.KeepExternal(Link{URL: "u"}, at) }, only(map[State]State{
			StateCreating: StateExternal, StateCreated: StateExternal, StateAttached: StateExternal,
			StateClosing: StateExternal,
		})},
		{
			"ScheduleRetry, permanent", func(r *Record) { r.Decision = nil; r.ScheduleRetry("", true, at) },
			only(map[State]State{StateCreating: StateFailed}),
		},
		{"ScheduleRetry", func(r *Record) { r.ScheduleRetry("", false, at) }, func() map[State]State {
			m := map[State]State{}
			for _, s := range states(t) {
				m[s] = s
			}
			return m
		}()},
		{"Abandon", func(r *Record) { r.Abandon(at) }, map[State]State{
			StateNone: StateNone, StateCreating: StateAbandoned, StateCreated: StateAbandoned,
			StateAttached: StateAbandoned, StateClosing: StateAbandoned, StateEnding: StateAbandoned,
			StateClosed: StateClosed, StateFailed: StateFailed, StateExternal: StateExternal,
			StateAbandoned: StateAbandoned,
		}},
	}
	for _, transition := range transitions {
		got := map[State]State{}
		for _, from := range states(t) {
			r := recordIn(from)
			transition.do(r)
			got[from] = r.State
			if r.invalid != nil {
				got[from] = refused
			}
		}
		if diff := cmp.Diff(transition.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", transition.name, diff)
		}
	}
}

// A state keeps the timers that it uses, and no other.
func TestTimersOfAState(t *testing.T) {
	t.Parallel()
	type timers struct{ Retry, Close, Expire bool }
	want := map[State]timers{
		StateCreating: {Retry: true}, StateCreated: {Retry: true}, StateEnding: {Retry: true},
		StateAttached: {Expire: true}, StateClosing: {Close: true},
		StateClosed: {}, StateFailed: {}, StateExternal: {}, StateAbandoned: {},
	}
	for _, from := range states(t) {
		for _, to := range from.mayBecome() {
			r := recordIn(from)
			r.to(to)
			got := timers{Retry: !r.RetryAt.IsZero(), Close: !r.CloseAt.IsZero(), Expire: !r.ExpiresAt.IsZero()}
			if diff := cmp.Diff(want[to], got); diff != "" {
				t.Errorf("%q to %q (-want +got):\n%s", from, to, diff)
			}
		}
	}
}

func TestGivingUp(t *testing.T) {
	t.Parallel()
	r := &Record{IncidentID: "P1"}
	r.Begin(Requested{}, at)
	var waits []time.Duration
	now := at
	for r.State == StateCreating {
		r.ScheduleRetry("Zoom does not answer", false, now)
		if r.State == StateCreating {
			waits = append(waits, r.RetryAt.Sub(now))
			now = r.RetryAt
		}
	}
	if diff := cmp.Diff([]time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second}, waits[:4]); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
	if r.State != StateFailed || now.Sub(at) < 10*time.Minute || now.Sub(at) > 10*time.Minute+10*time.Second {
		t.Errorf("state %s after %v", r.State, now.Sub(at))
	}
	if r.LastFailure != "Zoom does not answer" || !r.DueAt().IsZero() {
		t.Errorf("last failure %q, due at %v", r.LastFailure, r.DueAt())
	}
}

package storetest

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// subject is what the rules are checked on.
type subject struct {
	store  tokenstore.Store
	resend func(between func()) tokenstore.Store
	reopen func() (tokenstore.Store, func() tokenstore.Store)
	second func() (one, other tokenstore.Store)
}

// honest returns a subject that keeps every promise.
func honest() subject {
	db := newDatabase()
	return subject{
		store:  tokenstore.NewMemory(),
		resend: func(between func()) tokenstore.Store { return &textbook{db: db, between: between} },
		reopen: func() (tokenstore.Store, func() tokenstore.Store) {
			return &textbook{db: db}, func() tokenstore.Store { return &textbook{db: db} }
		},
		second: func() (one, other tokenstore.Store) { return &textbook{db: db}, &textbook{db: db} },
	}
}

// checks returns every rule by its name, ready to be checked on s.
func (s subject) checks() map[string]func(t testing.TB) {
	checks := make(map[string]func(t testing.TB))
	for _, rule := range rules() {
		checks[rule.name] = func(t testing.TB) { rule.check(t, s.store, newSpace()) }
	}
	for _, rule := range resendRules() {
		checks[rule.name] = func(t testing.TB) {
			store := new(resendingStore)
			store.Store = s.resend(store.between)
			rule.check(t, store, newSpace())
		}
	}
	for _, rule := range reopenRules() {
		checks[rule.name] = func(t testing.TB) {
			store, reopen := s.reopen()
			rule.check(t, store, reopen, newSpace())
		}
	}
	for _, rule := range secondRules() {
		checks[rule.name] = func(t testing.TB) {
			one, other := s.second()
			rule.check(t, one, other, newSpace())
		}
	}
	return checks
}

// broken breaks one promise, which these rules are about.
type broken struct {
	name   string
	open   func() subject
	breaks []string
}

// The suite is worth something only if the rule of a promise that is broken fails.
func TestEveryRuleCatchesABrokenStore(t *testing.T) {
	t.Parallel()
	unproven := honest().checks()
	for _, broken := range slices.Concat(brokenStores(), brokenSetups()) {
		t.Run(broken.name, func(t *testing.T) {
			for _, name := range broken.breaks {
				check := broken.open().checks()[name]
				if check == nil {
					t.Fatalf("no rule is named %q", name)
				}
				if failures := run(t, check); len(failures) == 0 {
					t.Errorf("passes %q", name)
				}
				delete(unproven, name)
			}
		})
	}
	for name := range unproven {
		t.Errorf("no broken store proves %q", name)
	}
}

func TestEveryRulePassesForAnHonestStore(t *testing.T) {
	t.Parallel()
	for name := range honest().checks() {
		if failures := run(t, honest().checks()[name]); len(failures) > 0 {
			t.Errorf("%s:\n%s", name, strings.Join(failures, "\n"))
		}
	}
}

func TestEveryRulePassesWithALaggingIndex(t *testing.T) {
	t.Parallel()
	for _, rule := range rules() {
		failures := run(t, func(t testing.TB) { rule.check(t, newLagging(), newSpace()) })
		if len(failures) > 0 {
			t.Errorf("%s:\n%s", rule.name, strings.Join(failures, "\n"))
		}
	}
}

func TestRunFailsWhenARuleFails(t *testing.T) {
	t.Parallel()
	failures := run(t, func(t testing.TB) { t.Fatalf("as it should") })
	if !slices.Equal(failures, []string{"as it should"}) {
		t.Errorf("failures = %q, want the one of the rule", failures)
	}
}

// run checks one rule in a bubble, where waiting costs nothing, and returns what it
// reported.
func run(t *testing.T, check func(t testing.TB)) []string {
	t.Helper()
	var failures []string
	synctest.Test(t, func(t *testing.T) {
		recorder := &recorder{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			check(recorder)
		}()
		<-done
		failures = recorder.failures
	})
	return failures
}

// recorder is a testing.TB that keeps failures instead of failing.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failures []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Helper() {}

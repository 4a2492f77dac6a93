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

// Every store of brokenStores breaks one promise. The suite is worth something only if the rule of that promise fails.
func TestEveryRuleCatchesABrokenStore(t *testing.T) {
	t.Parallel()
	unproven := make(map[string]bool)
	for _, rule := range rules() {
		unproven[rule.line] = true
	}
	for _, broken := range brokenStores() {
		t.Run(broken.name, func(t *testing.T) {
			for _, line := range broken.breaks {
				i := slices.IndexFunc(rules(), func(r rule) bool { return r.line == line })
				if i < 0 {
					t.Fatalf("no rule is named %q", line)
				}
				if failures := run(t, rules()[i], broken.open()); len(failures) == 0 {
					t.Errorf("passes %q", line)
				}
				delete(unproven, line)
			}
		})
	}
	for line := range unproven {
		t.Errorf("no broken store proves %q", line)
	}
}

func TestEveryRulePassesForMemory(t *testing.T) {
	t.Parallel()
	for _, rule := range rules() {
		if failures := run(t, rule, tokenstore.NewMemory()); len(failures) > 0 {
			t.Errorf("%s:\n%s", rule.line, strings.Join(failures, "\n"))
		}
	}
}

func TestTheRunFailsWhereARuleFails(t *testing.T) {
	t.Parallel()
	failing := rule{"fails", func(t testing.TB, _ tokenstore.Store, _ string) { t.Fatalf("as it should") }}
	if failures := run(t, failing, nil); !slices.Equal(failures, []string{"as it should"}) {
		t.Errorf("failures = %q, want the one of the rule", failures)
	}
}

// run checks one rule in a bubble, where waiting costs nothing, and returns what it reported.
func run(t *testing.T, r rule, store tokenstore.Store) []string {
	t.Helper()
	var failures []string
	synctest.Test(t, func(t *testing.T) {
		recorder := &recorder{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.check(recorder, store, newSpace())
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

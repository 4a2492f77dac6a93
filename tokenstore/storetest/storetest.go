package storetest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// patience is how long an index may lag, and a record may outlast its expiry, before a
// rule fails.
const patience = 10 * time.Second

// rule is one rule of the contract. Its keys are all under space, a first segment that no
// other rule uses.
type rule struct {
	name  string
	check func(t testing.TB, store tokenstore.Store, space string)
}

// Option lets [Run] check rules that the four methods of one store cannot show. Without
// the option they are skipped, with NOT PROVED.
type Option func(*setup)

// setup is what the options set.
type setup struct {
	resend resendFunc
	reopen reopenFunc
	second secondFunc
}

// Run proves that the stores which open returns keep the contract of [tokenstore.Store].
// It calls open once per subtest, in parallel; the stores may share their data, since
// every subtest uses keys of its own, which it leaves behind. It closes nothing: open may
// use t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) tokenstore.Store, opts ...Option) {
	t.Helper()
	var with setup
	for _, opt := range opts {
		opt(&with)
	}
	for _, rule := range rules() {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			rule.check(t, open(t), newSpace())
		})
	}
	runResend(t, with.resend)
	runReopen(t, with.reopen)
	runSecond(t, with.second)
}

// skipWithout ends a rule that cannot be checked.
func skipWithout(t *testing.T, option string) {
	t.Helper()
	t.Skipf("NOT PROVED: storetest.Run was given no %s", option)
}

func rules() []rule {
	return slices.Concat(getRules(), putRules(), deleteRules(), expiryRules(), dueRules(), limitRules(), contextRules())
}

func newSpace() string {
	return "storetest-" + strings.ToLower(rand.Text()[:12])
}

func mustGet(t testing.TB, store tokenstore.Store, key string) tokenstore.Record {
	t.Helper()
	r, err := store.Get(t.Context(), key)
	if err != nil {
		t.Fatalf("Get(%q) = %v, want the record", key, err)
	}
	return r
}

func mustPut(t testing.TB, store tokenstore.Store, key string, r tokenstore.Record) string {
	t.Helper()
	version, err := store.Put(t.Context(), key, r)
	if err != nil {
		t.Fatalf("Put(%q) = %v, want nil", key, err)
	}
	if version == "" {
		t.Fatalf("Put(%q) returned no version", key)
	}
	return version
}

func mustDelete(t testing.TB, store tokenstore.Store, key, version string) {
	t.Helper()
	if err := store.Delete(t.Context(), key, version); err != nil {
		t.Fatalf("Delete(%q) = %v, want nil", key, err)
	}
}

// wantRecord reports a record that differs from want in any field.
func wantRecord(t testing.TB, store tokenstore.Store, key string, want tokenstore.Record) {
	t.Helper()
	got := mustGet(t, store, key)
	if !bytes.Equal(got.Value, want.Value) {
		t.Errorf("Get(%q) has a value of %d bytes that differs from the %d written", key, len(got.Value), len(want.Value))
	}
	if got.Version != want.Version {
		t.Errorf("Get(%q) has version %q, want %q", key, got.Version, want.Version)
	}
	if got.DueAt != want.DueAt {
		t.Errorf("Get(%q) has DueAt %v, want %v", key, got.DueAt, want.DueAt)
	}
	if got.ExpiresAt != want.ExpiresAt {
		t.Errorf("Get(%q) has ExpiresAt %v, want %v", key, got.ExpiresAt, want.ExpiresAt)
	}
}

func wantAbsent(t testing.TB, store tokenstore.Store, key string) {
	t.Helper()
	if _, err := store.Get(t.Context(), key); !errors.Is(err, tokenstore.ErrNotFound) {
		t.Errorf("Get(%q) = %v, want ErrNotFound", key, err)
	}
}

func wantPutError(t testing.TB, store tokenstore.Store, key string, r tokenstore.Record, want error) {
	t.Helper()
	if _, err := store.Put(t.Context(), key, r); !errors.Is(err, want) {
		t.Errorf("Put(%q) = %v, want %v", key, err, want)
	}
}

func wantDeleteError(t testing.TB, store tokenstore.Store, key, version string, want error) {
	t.Helper()
	if err := store.Delete(t.Context(), key, version); !errors.Is(err, want) {
		t.Errorf("Delete(%q) = %v, want %v", key, err, want)
	}
}

// wantDue waits until a whole listing names exactly these keys in this order: an index
// may lag.
func wantDue(t testing.TB, store tokenstore.Store, prefix string, before time.Time, want ...string) {
	t.Helper()
	var got []string
	reached := eventually(t, func() bool {
		got = listDue(t, store, prefix, before, 100)
		return slices.Equal(got, want)
	})
	if !reached {
		t.Errorf("Due(%q) = %q, want %q", prefix, got, want)
	}
}

// listDue follows a listing to its end.
func listDue(t testing.TB, store tokenstore.Store, prefix string, before time.Time, limit int) []string {
	t.Helper()
	const tooMany = 10_000
	var all []string
	after := ""
	for range tooMany {
		keys, next, err := store.Due(t.Context(), prefix, before, after, limit)
		if err != nil {
			t.Fatalf("Due(%q) = %v, want nil", prefix, err)
		}
		if len(keys) > limit {
			t.Fatalf("Due(%q) named %d keys, want at most %d", prefix, len(keys), limit)
		}
		all = append(all, keys...)
		if next == "" {
			return all
		}
		after = next
	}
	t.Fatalf("Due(%q) has not ended after %d pages", prefix, tooMany)
	return nil
}

// eventually calls ask until it returns true, for as long as a store's index may lag.
func eventually(t testing.TB, ask func() bool) bool {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		if ask() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		if !wait(t, 20*time.Millisecond) {
			return false
		}
	}
}

// wait reports whether d has passed before the test was over.
func wait(t testing.TB, d time.Duration) bool {
	select {
	case <-t.Context().Done():
		return false
	case <-time.After(d):
		return true
	}
}

// soon and past are whole milliseconds, as a store keeps them.
func soon() time.Time { return time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond) }

func past() time.Time { return time.Now().Add(-time.Hour).UTC().Truncate(time.Millisecond) }

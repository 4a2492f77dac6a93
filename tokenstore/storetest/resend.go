package storetest

import (
	"errors"
	"testing"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// resendFunc opens a store whose writes are sent twice.
type resendFunc = func(t *testing.T, between func()) tokenstore.Store

// WithResend lets [Run] prove that a resend is harmless: many drivers and SDKs send a
// request again, on their own, when its answer was lost.
//
// The store that open returns sends the request of every Put twice, byte for byte, calls
// between in the middle, and uses only the second answer. Do that below the store, in a
// driver, a hook or a transport of the test. Within between the suite may call the store.
func WithResend(open func(t *testing.T, between func()) tokenstore.Store) Option {
	return func(s *setup) { s.resend = open }
}

type resendRule struct {
	name  string
	check func(t testing.TB, store *resendingStore, space string)
}

func runResend(t *testing.T, open resendFunc) {
	t.Helper()
	for _, rule := range resendRules() {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			if open == nil {
				skipWithout(t, "WithResend")
			}
			store := new(resendingStore)
			store.Store = open(t, store.between)
			rule.check(t, store, newSpace())
		})
	}
}

// resendingStore is a store that sends every Put twice.
type resendingStore struct {
	tokenstore.Store

	meanwhile func() // is called once, between the copies of the next Put
}

func (s *resendingStore) between() {
	do := s.meanwhile
	s.meanwhile = nil
	if do != nil {
		do()
	}
}

// put calls meanwhile between the two copies of one Put and returns its answer.
func (s *resendingStore) put(t testing.TB, key string, r tokenstore.Record, meanwhile func()) (string, error) {
	t.Helper()
	sentTwice := false
	s.meanwhile = func() {
		sentTwice = true
		meanwhile()
	}
	version, err := s.Put(t.Context(), key, r)
	if !sentTwice {
		t.Errorf("WithResend: Put(%q) did not call between, so nothing is proved", key)
	}
	return version, err
}

func resendRules() []resendRule {
	return []resendRule{
		{"Resent: a create that landed is acknowledged", func(t testing.TB, store *resendingStore, space string) {
			wantResentIsWritten(t, store, space+"/a", tokenstore.Record{Value: []byte("new"), DueAt: past()})
			wantDue(t, store, space, soon(), space+"/a")
		}},
		{"Resent: a create over an expired record that landed is acknowledged", func(t testing.TB, store *resendingStore, space string) {
			mustPut(t, store, space+"/a", tokenstore.Record{ExpiresAt: past()})
			wantResentIsWritten(t, store, space+"/a", tokenstore.Record{Value: []byte("new")})
		}},
		{"Resent: a change that landed is acknowledged", func(t testing.TB, store *resendingStore, space string) {
			version := mustPut(t, store, space+"/a", tokenstore.Record{Value: []byte("old"), DueAt: past()})
			wantResentIsWritten(t, store, space+"/a", tokenstore.Record{Value: []byte("new"), Version: version, DueAt: soon()})
		}},
		{"Resent: a stale write conflicts and changes nothing", func(t testing.TB, store *resendingStore, space string) {
			old := mustPut(t, store, space+"/a", tokenstore.Record{})
			now := tokenstore.Record{Value: []byte("kept"), Version: old}
			now.Version = mustPut(t, store, space+"/a", now)
			for _, version := range []string{"", old} {
				_, err := store.put(t, space+"/a", tokenstore.Record{Version: version}, func() {})
				wantConflict(t, err)
			}
			wantRecord(t, store, space+"/a", now)
		}},
		{"Resent: a copy that comes after the next write conflicts and changes nothing", resendAfterNext},
		{"Resent: a copy of a change that comes after a delete creates nothing", resendAfterDelete},
	}
}

func wantResentIsWritten(t testing.TB, store *resendingStore, key string, r tokenstore.Record) {
	t.Helper()
	var err error
	r.Version, err = store.put(t, key, r, func() {})
	if err != nil {
		t.Fatalf("Put(%q), sent twice, = %v, want nil", key, err)
	}
	wantRecord(t, store, key, r)
	mustPut(t, store, key, r) // the version is the one that counts
}

func resendAfterNext(t testing.TB, store *resendingStore, space string) {
	old := mustPut(t, store, space+"/changed", tokenstore.Record{})
	for key, version := range map[string]string{space + "/created": "", space + "/changed": old} {
		var next tokenstore.Record
		_, err := store.put(t, key, tokenstore.Record{Value: []byte("first"), Version: version}, func() {
			next = mustGet(t, store, key)
			next.Value = []byte("next")
			next.Version = mustPut(t, store, key, next)
		})
		wantConflict(t, err)
		wantRecord(t, store, key, next)
	}
}

func resendAfterDelete(t testing.TB, store *resendingStore, space string) {
	version := mustPut(t, store, space+"/a", tokenstore.Record{})
	_, err := store.put(t, space+"/a", tokenstore.Record{Value: []byte("late"), Version: version}, func() {
		mustDelete(t, store, space+"/a", mustGet(t, store, space+"/a").Version)
	})
	wantConflict(t, err)
	wantAbsent(t, store, space+"/a")
}

func wantConflict(t testing.TB, err error) {
	t.Helper()
	if !errors.Is(err, tokenstore.ErrConflict) {
		t.Errorf("Put, sent twice, = %v, want ErrConflict", err)
	}
}

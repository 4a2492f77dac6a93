package storetest

import (
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// reopenFunc opens a store that can be closed and opened again.
type reopenFunc = func(t *testing.T) (store tokenstore.Store, reopen func() tokenstore.Store)

// WithReopen lets [Run] prove that acknowledged writes survive the process: reopen closes
// what the store uses, its file or its connections, and returns a new store on the same
// data. It is called once; the first store is not used afterwards.
func WithReopen(open func(t *testing.T) (store tokenstore.Store, reopen func() tokenstore.Store)) Option {
	return func(s *setup) { s.reopen = open }
}

type reopenRule struct {
	name  string
	check func(t testing.TB, store tokenstore.Store, reopen func() tokenstore.Store, space string)
}

func runReopen(t *testing.T, open reopenFunc) {
	t.Helper()
	for _, rule := range reopenRules() {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			if open == nil {
				skipWithout(t, "WithReopen")
			}
			store, reopen := open(t)
			rule.check(t, store, reopen, newSpace())
		})
	}
}

func reopenRules() []reopenRule {
	return []reopenRule{
		{"Reopened: every record is as it was acknowledged", reopenKeeps},
		{"Reopened: what was deleted is absent and what is due is due", reopenDue},
		{"Reopened: a version that was used stays invalid", reopenVersions},
	}
}

func reopenKeeps(t testing.TB, store tokenstore.Store, reopen func() tokenstore.Store, space string) {
	records := map[string]tokenstore.Record{
		space + "/empty":   {},
		space + "/due":     {Value: []byte("due"), DueAt: past()},
		space + "/expires": {Value: []byte("expires"), ExpiresAt: soon()},
		space + "/full":    {Value: make([]byte, tokenstore.MaxValueLen), DueAt: soon(), ExpiresAt: soon()},
	}
	for key, r := range records {
		r.Version = mustPut(t, store, key, tokenstore.Record{Value: []byte("first")})
		r.Version = mustPut(t, store, key, r)
		records[key] = r
	}
	store = reopen()
	for key, r := range records {
		wantRecord(t, store, key, r)
		mustPut(t, store, key, r)
	}
}

func reopenDue(t testing.TB, store tokenstore.Store, reopen func() tokenstore.Store, space string) {
	mustPut(t, store, space+"/due", tokenstore.Record{DueAt: past()})
	finished := mustPut(t, store, space+"/finished", tokenstore.Record{DueAt: past()})
	mustPut(t, store, space+"/finished", tokenstore.Record{Version: finished})
	mustDelete(t, store, space+"/deleted", mustPut(t, store, space+"/deleted", tokenstore.Record{DueAt: past()}))
	mustPut(t, store, space+"/expired", tokenstore.Record{ExpiresAt: past().Add(-time.Hour)})
	store = reopen()
	wantAbsent(t, store, space+"/deleted")
	wantAbsent(t, store, space+"/expired")
	wantDue(t, store, space, soon(), space+"/due")
}

func reopenVersions(t testing.TB, store tokenstore.Store, reopen func() tokenstore.Store, space string) {
	used := mustPut(t, store, space+"/a", tokenstore.Record{Value: []byte("same")})
	mustDelete(t, store, space+"/a", used)
	store = reopen()
	r := tokenstore.Record{Value: []byte("same")}
	r.Version = mustPut(t, store, space+"/a", r)
	wantPutError(t, store, space+"/a", tokenstore.Record{Version: used}, tokenstore.ErrConflict)
	wantDeleteError(t, store, space+"/a", used, tokenstore.ErrConflict)
	wantRecord(t, store, space+"/a", r)
}

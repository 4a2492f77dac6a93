package storetest

import (
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

func expiryRules() []rule {
	expired := func(t testing.TB, store tokenstore.Store, key string) (version string) {
		t.Helper()
		return mustPut(t, store, key, tokenstore.Record{Value: []byte("old"), ExpiresAt: past()})
	}
	return []rule{
		{"Expired: Get is ErrNotFound", func(t testing.TB, store tokenstore.Store, space string) {
			expired(t, store, space+"/a")
			wantAbsent(t, store, space+"/a")
		}},
		{"Expired: Put without a version succeeds", func(t testing.TB, store tokenstore.Store, space string) {
			expired(t, store, space+"/a")
			r := tokenstore.Record{Value: []byte("new")}
			r.Version = mustPut(t, store, space+"/a", r)
			wantRecord(t, store, space+"/a", r)
		}},
		{"Expired: Put with its version conflicts and creates nothing", func(t testing.TB, store tokenstore.Store, space string) {
			version := expired(t, store, space+"/a")
			wantPutError(t, store, space+"/a", tokenstore.Record{Version: version}, tokenstore.ErrConflict)
			wantAbsent(t, store, space+"/a")
		}},
		{"Expired: Delete with its version conflicts", func(t testing.TB, store tokenstore.Store, space string) {
			version := expired(t, store, space+"/a")
			wantDeleteError(t, store, space+"/a", version, tokenstore.ErrConflict)
		}},
		{"Expired: Delete without a version is no error", func(t testing.TB, store tokenstore.Store, space string) {
			expired(t, store, space+"/a")
			mustDelete(t, store, space+"/a", "")
			wantAbsent(t, store, space+"/a")
		}},
		{"Expired: its version stays invalid when the key is used again", func(t testing.TB, store tokenstore.Store, space string) {
			version := expired(t, store, space+"/a")
			r := tokenstore.Record{Value: []byte("new")}
			r.Version = mustPut(t, store, space+"/a", r)
			wantPutError(t, store, space+"/a", tokenstore.Record{Version: version}, tokenstore.ErrConflict)
			wantDeleteError(t, store, space+"/a", version, tokenstore.ErrConflict)
			wantRecord(t, store, space+"/a", r)
		}},
		{"Expired: what takes its place is due at its own time", func(t testing.TB, store tokenstore.Store, space string) {
			for _, key := range []string{"/later", "/never", "/now"} {
				mustPut(t, store, space+key, tokenstore.Record{DueAt: past(), ExpiresAt: past()})
			}
			mustPut(t, store, space+"/later", tokenstore.Record{DueAt: soon().Add(time.Hour)})
			mustPut(t, store, space+"/never", tokenstore.Record{})
			mustPut(t, store, space+"/now", tokenstore.Record{DueAt: past().Add(time.Second)})
			wantDue(t, store, space, soon(), space+"/now")
		}},
		{"Expiry: a record is there before its time and absent after", func(t testing.TB, store tokenstore.Store, space string) {
			kept := tokenstore.Record{Value: []byte("kept"), ExpiresAt: soon()}
			kept.Version = mustPut(t, store, space+"/kept", kept)
			mustPut(t, store, space+"/gone", tokenstore.Record{ExpiresAt: time.Now().Add(200 * time.Millisecond)})
			wantGone(t, store, space+"/gone")
			wantRecord(t, store, space+"/kept", kept)
		}},
		{"Expiry: a record that is written again keeps to its new time", func(t testing.TB, store tokenstore.Store, space string) {
			at := time.Now().Add(2 * time.Second).UTC().Truncate(time.Millisecond)
			later := tokenstore.Record{Value: []byte("later"), ExpiresAt: soon()}
			later.Version = mustPut(t, store, space+"/later", tokenstore.Record{ExpiresAt: at})
			later.Version = mustPut(t, store, space+"/later", later)
			never := tokenstore.Record{Value: []byte("never")}
			never.Version = mustPut(t, store, space+"/never", tokenstore.Record{ExpiresAt: at})
			never.Version = mustPut(t, store, space+"/never", never)
			// Whose clock it is does not matter: this one goes when the others would have
			// gone.
			mustPut(t, store, space+"/gone", tokenstore.Record{ExpiresAt: at})
			wantGone(t, store, space+"/gone")
			wantRecord(t, store, space+"/later", later)
			wantRecord(t, store, space+"/never", never)
		}},
	}
}

// wantGone waits until a record is absent: whose clock counts is the store's business.
func wantGone(t testing.TB, store tokenstore.Store, key string) {
	t.Helper()
	gone := eventually(t, func() bool {
		_, err := store.Get(t.Context(), key)
		return err != nil
	})
	if !gone {
		t.Errorf("Get(%q) still returns the record %v after its ExpiresAt", key, patience)
	}
	wantAbsent(t, store, key)
}

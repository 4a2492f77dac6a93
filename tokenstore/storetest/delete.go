package storetest

import (
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

func deleteRules() []rule {
	return []rule{
		{"Delete with the version removes the record", func(t testing.TB, store tokenstore.Store, space string) {
			mustDelete(t, store, space+"/a", mustPut(t, store, space+"/a", tokenstore.Record{}))
			wantAbsent(t, store, space+"/a")
		}},
		{"Delete with an old version conflicts and removes nothing", func(t testing.TB, store tokenstore.Store, space string) {
			old := mustPut(t, store, space+"/a", tokenstore.Record{})
			r := tokenstore.Record{Value: []byte("kept"), Version: old}
			r.Version = mustPut(t, store, space+"/a", r)
			wantDeleteError(t, store, space+"/a", old, tokenstore.ErrConflict)
			wantRecord(t, store, space+"/a", r)
		}},
		{"Delete with a version of an absent record conflicts", func(t testing.TB, store tokenstore.Store, space string) {
			version := mustPut(t, store, space+"/a", tokenstore.Record{})
			mustDelete(t, store, space+"/a", version)
			wantDeleteError(t, store, space+"/a", version, tokenstore.ErrConflict)
			wantDeleteError(t, store, space+"/never", version, tokenstore.ErrConflict)
		}},
		{"Delete without a version removes whatever is there", func(t testing.TB, store tokenstore.Store, space string) {
			mustPut(t, store, space+"/a", tokenstore.Record{})
			mustDelete(t, store, space+"/a", "")
			wantAbsent(t, store, space+"/a")
		}},
		{"Delete without a version of an absent record is no error", func(t testing.TB, store tokenstore.Store, space string) {
			mustDelete(t, store, space+"/never", "")
		}},
		{"Delete touches no other key", func(t testing.TB, store tokenstore.Store, space string) {
			other := tokenstore.Record{Value: []byte("other")}
			other.Version = mustPut(t, store, space+"/a/b", other)
			mustDelete(t, store, space+"/a", mustPut(t, store, space+"/a", tokenstore.Record{}))
			mustPut(t, store, space+"/a", tokenstore.Record{})
			mustDelete(t, store, space+"/a", "")
			wantRecord(t, store, space+"/a/b", other)
		}},
	}
}

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
		{"Expiry: a record is there before its time and absent after", func(t testing.TB, store tokenstore.Store, space string) {
			kept := tokenstore.Record{Value: []byte("kept"), ExpiresAt: soon()}
			kept.Version = mustPut(t, store, space+"/kept", kept)
			mustPut(t, store, space+"/gone", tokenstore.Record{ExpiresAt: time.Now().Add(200 * time.Millisecond)})
			gone := eventually(t, func() bool {
				_, err := store.Get(t.Context(), space+"/gone")
				return err != nil
			})
			if !gone {
				t.Errorf("Get still returns a record %v after its ExpiresAt", patience)
			}
			wantAbsent(t, store, space+"/gone")
			wantRecord(t, store, space+"/kept", kept)
		}},
	}
}

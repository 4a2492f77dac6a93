package storetest

import (
	"testing"

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
		{"Delete without a version removes any record", func(t testing.TB, store tokenstore.Store, space string) {
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

package nosql_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// testLostReply drops the replies to writes that the backend has done, so that the driver
// sends them again. The direct store sees the same data through another connection.
// loseNext drops the next reply, calls a function before the driver notices, and then
// closes the channel.
func testLostReply(t *testing.T, store, direct tokenstore.Store, loseNext func(meanwhile func()) <-chan struct{}) {
	t.Helper()
	nothing := func() {}
	put := func(t *testing.T, key string, r tokenstore.Record) (version string) {
		t.Helper()
		version, err := store.Put(t.Context(), key, r)
		if err != nil {
			t.Fatalf("Put = %v, want nil", err)
		}
		return version
	}
	wantNow := func(t *testing.T, key string, want tokenstore.Record) {
		t.Helper()
		got, err := direct.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("record (-want +got):\n%s", diff)
		}
	}

	// These share the connection, so each waits for the one before.
	t.Run("of a create: what the driver sends again is our own", func(t *testing.T) {
		r := tokenstore.Record{Value: []byte("created"), DueAt: time.UnixMilli(1_700_000_000_123).UTC()}
		lost := loseNext(nothing)
		r.Version = put(t, "lost/create", r)
		<-lost
		wantNow(t, "lost/create", r)
	})
	t.Run("of a change: what the driver sends again is our own", func(t *testing.T) {
		r := tokenstore.Record{Value: []byte("changed"), Version: put(t, "lost/change", tokenstore.Record{})}
		lost := loseNext(nothing)
		r.Version = put(t, "lost/change", r)
		<-lost
		wantNow(t, "lost/change", r)
	})
	t.Run("of a change that another has followed: a conflict, and the follower stays", func(t *testing.T) {
		old := put(t, "lost/followed", tokenstore.Record{})
		follower := tokenstore.Record{Value: []byte("follower")}
		lost := loseNext(func() {
			ours, err := direct.Get(t.Context(), "lost/followed")
			if err != nil {
				t.Error(err)
			}
			follower.Version, err = direct.Put(t.Context(), "lost/followed",
				tokenstore.Record{Value: follower.Value, Version: ours.Version})
			if err != nil {
				t.Error(err)
			}
		})
		_, err := store.Put(t.Context(), "lost/followed", tokenstore.Record{Value: []byte("ours"), Version: old})
		if !errors.Is(err, tokenstore.ErrConflict) {
			t.Errorf("Put = %v, want ErrConflict", err)
		}
		<-lost
		wantNow(t, "lost/followed", follower)
	})
	t.Run("of a delete: the record is gone, though a conflict is reported", func(t *testing.T) {
		version := put(t, "lost/delete", tokenstore.Record{})
		lost := loseNext(nothing)
		if err := store.Delete(t.Context(), "lost/delete", version); !errors.Is(err, tokenstore.ErrConflict) {
			t.Errorf("Delete = %v, want ErrConflict", err)
		}
		<-lost
		if _, err := direct.Get(t.Context(), "lost/delete"); !errors.Is(err, tokenstore.ErrNotFound) {
			t.Errorf("Get = %v, want ErrNotFound", err)
		}
	})
}

package tokenstore_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
)

func TestUninstallLeavesNoSecret(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupFresh(t)
		source, sibling := f.source(t), f.source(t)
		wantToken(t, source, "access-1")
		wantToken(t, sibling, "access-1")

		if err := sibling.Uninstall(t.Context(), "first"); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the vendor redelivers
			if err := source.Uninstall(t.Context(), "first"); err != nil {
				t.Fatal(err)
			}
		}
		_, record := f.grant(t)
		if diff := cmp.Diff(`{"format":1,"installation":"first","uninstalled":true}`, string(record.Value)); diff != "" {
			t.Errorf("tombstone (-want +got):\n%s", diff)
		}
		if want := time.Now().Add(90 * 24 * time.Hour).UTC(); record.ExpiresAt != want || !record.DueAt.IsZero() {
			t.Errorf("tombstone expires at %v and is due at %v, want %v and never", record.ExpiresAt, record.DueAt, want)
		}
		if _, err := source.Token(t.Context()); !errors.Is(err, tokenstore.ErrNotInstalled) {
			t.Errorf("Token = %v, want ErrNotInstalled", err)
		}
	})
}

func TestUninstallKeepsANewerInstallation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupFresh(t)
		f.install(t, "second")
		source := f.source(t)
		if err := source.Uninstall(t.Context(), "first"); err != nil {
			t.Fatal(err)
		}
		wantToken(t, source, "access-2")
	})
}

func TestUninstallRetriesUntilTheContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupFresh(t)
		source := f.source(t)

		f.store.Set(storeDown())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := source.Uninstall(ctx, "first")
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errLost) {
			t.Errorf("Uninstall with the store down = %v, want DeadlineExceeded and the cause", err)
		}

		f.store.Set(storetest.Hooks{AfterPut: replyLost(errLost)})
		if err := source.Uninstall(t.Context(), "first"); err != nil {
			t.Errorf("Uninstall whose reply is lost = %v, want nil", err)
		}
	})
}

func TestSaveReplacesAnyRecord(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, value string }{
		{"nothing", ""},
		{"a tombstone", `{"format":1,"installation":"first","uninstalled":true}`},
		{"a live grant", `{"format":1,"installation":"first","access_token":"access-0","refresh_token":"refresh-0"}`},
		{"a leased grant", `{"format":1,"installation":"first","lease":{"owner":"other","until":"2999-01-01T00:00:00Z"}}`},
		{"a rejected grant", `{"format":1,"installation":"first","access_token":"access-0","refresh_token":"refresh-0",` +
			`"rejected":{"fingerprint":"ac82dfb8fe1bc4f5","reason":"invalid_grant"}}`},
		{"a damaged record", `{`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := setupEmpty(t)
				if test.value != "" {
					f.writeRaw(t, test.value)
				}
				f.install(t, "second")
				_, record := f.grant(t)
				want := `{"format":1,"installation":"second","access_token":"access-1","refresh_token":"refresh-1",` +
					`"expiry":"2000-01-01T01:00:00Z","token_type":"bearer","scope":"meeting:write",` +
					`"api_url":"https://api-eu.zoom.us"}`
				if diff := cmp.Diff(want, string(record.Value)); diff != "" {
					t.Errorf("grant (-want +got):\n%s", diff)
				}
				if record.DueAt.IsZero() {
					t.Error("the grant is never due, want the keep-alive")
				}
			})
		})
	}
}

// A lost key loses the grant, and a new consent is what brings it back.
func TestSaveReplacesARecordThatCannotBeDecrypted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		memory := tokenstore.NewMemory()
		setupOn(t, seal(t, memory, parseKeyring(t, oldKeys))).install(t, "first")
		f := setupOn(t, seal(t, memory, parseKeyring(t, newKeys)))
		source := f.source(t)
		if _, err := source.Token(t.Context()); !errors.Is(err, tokenstore.ErrUnreadable) {
			t.Errorf("Token = %v, want ErrUnreadable", err)
		}
		if err := source.Uninstall(t.Context(), "first"); !errors.Is(err, tokenstore.ErrUnreadable) {
			t.Errorf("Uninstall = %v, want ErrUnreadable", err)
		}
		f.install(t, "second")
		wantToken(t, source, "access-1")
	})
}

// Such a record cannot be replaced, since its version is unknown.
func TestSaveFailsWhereARecordIsUnreadableAndHasNoVersion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupEmpty(t)
		f.store.Set(storetest.Hooks{BeforeGet: func(context.Context, string) error { return tokenstore.ErrUnreadable }})
		err := f.source(t).Save(t.Context(), "first", f.vendor.install())
		if !errors.Is(err, tokenstore.ErrUnreadable) {
			t.Errorf("Save = %v, want ErrUnreadable", err)
		}
	})
}

func TestSaveLeavesANewerFormatUntouched(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const newer = `{"format":2,"secret":"of a newer program"}`
		f := setupEmpty(t)
		f.writeRaw(t, newer)
		source := f.source(t)
		if err := source.Save(t.Context(), "second", f.vendor.install()); !errors.Is(err, tokenstore.ErrUnreadable) {
			t.Errorf("Save = %v, want ErrUnreadable", err)
		}
		if err := source.Uninstall(t.Context(), "second"); !errors.Is(err, tokenstore.ErrUnreadable) {
			t.Errorf("Uninstall = %v, want ErrUnreadable", err)
		}
		if _, record := f.grant(t); string(record.Value) != newer {
			t.Errorf("record = %s, want it untouched", record.Value)
		}
	})
}

func TestSaveRejectsAnIncompleteConsent(t *testing.T) {
	t.Parallel()
	source := setupEmpty(t).source(t)
	for name, err := range map[string]error{
		"no installation": source.Save(t.Context(), "", &oauth2.Token{AccessToken: "access-1"}),
		"no token":        source.Save(t.Context(), "first", nil),
		"no access token": source.Save(t.Context(), "first", &oauth2.Token{RefreshToken: "refresh-1"}),
	} {
		if !errors.Is(err, tokenstore.ErrInvalid) {
			t.Errorf("%s: Save = %v, want ErrInvalid", name, err)
		}
	}
}

// The write landed although its reply was lost, and a sibling has refreshed the grant
// before this process reads again.
func TestSaveInDoubtDoesNotUndoARefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupEmpty(t)
		f.store.SetForNextPut(storetest.Hooks{
			AfterPut: func(context.Context, string, tokenstore.Record, error) error {
				sibling := f.source(t)
				sibling.Invalidate(t.Context(), wantToken(t, sibling, "access-1"))
				wantToken(t, sibling, "access-2")
				return errLost
			},
		})
		source := f.source(t)
		if err := source.Save(t.Context(), "first", f.vendor.install()); err != nil {
			t.Fatal(err)
		}
		wantToken(t, source, "access-2")
	})
}

func TestSaveInDoubtDoesNotUndoAnUninstall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupEmpty(t)
		source := f.source(t)
		f.store.SetForNextPut(storetest.Hooks{
			AfterPut: func(context.Context, string, tokenstore.Record, error) error {
				if err := f.source(t).Uninstall(t.Context(), "first"); err != nil {
					t.Error(err)
				}
				return errLost
			},
		})
		if err := source.Save(t.Context(), "first", f.vendor.install()); !errors.Is(err, tokenstore.ErrNotInstalled) {
			t.Errorf("Save = %v, want ErrNotInstalled", err)
		}
	})
}

func TestSaveWaitsForTheStoreUntilTheContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupEmpty(t)
		f.store.Set(storetest.Hooks{BeforePut: putNever(errors.New("cannot write access-1"))})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := f.source(t).Save(ctx, "first", f.vendor.install())
		if !errors.Is(err, tokenstore.ErrNotSaved) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Save = %v, want ErrNotSaved and DeadlineExceeded", err)
		}
		wantNoSecret(t, err.Error())
	})
}

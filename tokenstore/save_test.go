package tokenstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

func TestTheNewTokensAreStoredBeforeAnyoneGetsThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, vendor := tokenstore.NewMemory(), new(vendor)
		installExpired(t, store, vendor)
		source := newSource(t, store, vendor.refresh, tokenstore.WithKeepAlive(24*time.Hour))
		wantToken(t, source, "access-2")
		grant, record := readGrant(t, store)
		if grant.AccessToken != "access-2" || grant.RefreshToken != "refresh-2" || grant.Lease != nil || grant.Rejected != nil {
			t.Errorf("stored grant = %+v, want the new pair without lease and mark", grant)
		}
		if want := time.Now().Add(24 * time.Hour).UTC(); record.DueAt != want {
			t.Errorf("DueAt = %v, want the keep-alive %v", record.DueAt, want)
		}
	})
}

func TestNobodyGetsTheNewTokenBeforeItIsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, vendor := newFaultyStore(), new(vendor)
		installExpired(t, store, vendor)
		source := newSource(t, store, func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
			store.set(nil, func(do func() error) error {
				store.set(nil, nil)
				time.Sleep(3 * time.Second) // on the way to the store
				return do()
			})
			return vendor.refresh(ctx, old)
		})
		impatient, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if token, err := source.Token(impatient); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Token while the pair is on its way = %v, %v, want DeadlineExceeded", token, err)
		}
		if grant, _ := readGrant(t, store); grant.RefreshToken != "refresh-1" {
			t.Errorf("stored refresh token = %s, want refresh-1 still", grant.RefreshToken)
		}
		wantToken(t, source, "access-2")
		vendor.wantCalls(t, 1)
	})
}

func TestWhatARefreshLeavesOutIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, vendor := tokenstore.NewMemory(), new(vendor)
		installExpired(t, store, vendor)
		source := newSource(t, store, func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
			return &oauth2.Token{AccessToken: "access-2", Expiry: time.Now().Add(time.Hour)}, nil
		})
		token := wantToken(t, source, "access-2")
		if token.Extra("scope") != "meeting:write" || token.Extra("api_url") != "https://api-eu.zoom.us" {
			t.Errorf("extras = %v, %v, want those of the consent", token.Extra("scope"), token.Extra("api_url"))
		}
		if grant, _ := readGrant(t, store); grant.RefreshToken != "refresh-1" {
			t.Errorf("refresh token = %s, want the one that was not rotated", grant.RefreshToken)
		}
	})
}

func TestATokenIsHandedOutWhenTheReplyToItsSaveWasLost(t *testing.T) {
	t.Parallel()
	for _, reply := range []error{errLost, tokenstore.ErrConflict} {
		t.Run(fmt.Sprint(reply), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, vendor := newFaultyStore(), new(vendor)
				installExpired(t, store, vendor)
				source := newSource(t, store, func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
					store.set(nil, func(do func() error) error {
						store.set(nil, nil)
						if err := do(); err != nil {
							t.Error(err)
						}
						return reply
					})
					return vendor.refresh(ctx, old)
				})
				wantToken(t, source, "access-2")
				vendor.wantCalls(t, 1)
			})
		})
	}
}

// The answer is so late that another process takes over, is refused and marks the grant dead. The late answer is the
// child of the marked token, so it revives the grant.
func TestASuccessorRevivesItsRejectedPredecessor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, vendor := tokenstore.NewMemory(), new(vendor)
		installExpired(t, store, vendor)
		slow := newSource(t, store, late(vendor, time.Minute))
		var processes sync.WaitGroup
		processes.Go(func() { wantToken(t, slow, "access-2") })
		synctest.Wait()

		sibling := newSource(t, store, vendor.refresh)
		if _, err := sibling.Token(t.Context()); !errors.Is(err, tokenstore.ErrReauthorize) {
			t.Errorf("Token of the sibling = %v, want ErrReauthorize", err)
		}
		processes.Wait()
		wantToken(t, sibling, "access-2")
		vendor.wantCalls(t, 2)
	})
}

// The answer is late, and another process has already leased the grant and sent the same token.
func TestASuccessorReplacesAPredecessorThatIsLeasedToAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, vendor := tokenstore.NewMemory(), new(vendor)
		installExpired(t, store, vendor)
		slow := newSource(t, store, late(vendor, 30*time.Second))
		var processes sync.WaitGroup
		processes.Go(func() { wantToken(t, slow, "access-2") })
		synctest.Wait()

		time.Sleep(27 * time.Second) // the lease has ended
		sibling := newSource(t, store, late(vendor, 6*time.Second))
		wantToken(t, sibling, "access-2")
		processes.Wait()
		vendor.wantCalls(t, 2)
		if grant, _ := readGrant(t, store); grant.RefreshToken != "refresh-2" || grant.Lease != nil || grant.Rejected != nil {
			t.Errorf("grant = %+v, want refresh-2 without lease and mark", grant)
		}
	})
}

// A key management service that is away looks like a value that cannot be opened. Dropping the pair would lose the grant.
func TestTheNewTokensAreKeptWhileTheRecordCannotBeDecrypted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := &tinkAEAD{AEAD: parseKeyring(t, oldKeys)}
		store, vendor := seal(t, tokenstore.NewMemory(), keys), new(vendor)
		installExpired(t, store, vendor)
		source := newSource(t, store, func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
			keys.set(errLost)
			return vendor.refresh(ctx, old)
		})
		if _, err := source.Token(t.Context()); !errors.Is(err, tokenstore.ErrNotSaved) {
			t.Errorf("Token = %v, want ErrNotSaved", err)
		}
		time.Sleep(time.Hour)
		keys.set(nil)
		if err := source.Wait(t.Context()); err != nil {
			t.Errorf("Wait = %v, want nil", err)
		}
		if grant, _ := readGrant(t, store); grant.RefreshToken != "refresh-2" {
			t.Errorf("stored refresh token = %s, want refresh-2", grant.RefreshToken)
		}
		vendor.wantCalls(t, 1)
	})
}

func TestASuccessorForAFormerInstallationIsDropped(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		meanwhile func(t *testing.T, store tokenstore.Store, v *vendor)
		want      error
	}{
		{"a new consent", func(t *testing.T, store tokenstore.Store, v *vendor) {
			t.Helper()
			install(t, store, v, "second")
		}, nil},
		{"an uninstall", func(t *testing.T, store tokenstore.Store, v *vendor) {
			t.Helper()
			if err := newSource(t, store, v.refresh).Uninstall(t.Context(), "first"); err != nil {
				t.Fatal(err)
			}
		}, tokenstore.ErrNotInstalled},
		{"a delete", func(t *testing.T, store tokenstore.Store, _ *vendor) {
			t.Helper()
			if err := store.Delete(t.Context(), key, ""); err != nil {
				t.Fatal(err)
			}
		}, tokenstore.ErrNotInstalled},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, vendor := tokenstore.NewMemory(), new(vendor)
				installExpired(t, store, vendor)
				source := newSource(t, store, late(vendor, 5*time.Second))
				var caller sync.WaitGroup
				caller.Go(func() {
					token, err := source.Token(t.Context())
					if !errors.Is(err, test.want) {
						t.Errorf("Token = %v, want %v", err, test.want)
					}
					if err == nil && token.AccessToken != "access-3" {
						t.Errorf("Token = %s, want access-3 of the new consent", token.AccessToken)
					}
				})
				synctest.Wait()
				test.meanwhile(t, store, vendor)
				caller.Wait()
				vendor.wantCalls(t, 1)
			})
		})
	}
}

// A vendor that tolerates reuse gives two pairs for one token. The one that is stored stays.
func TestASuccessorNeverReplacesAnotherSuccessor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, vendor := tokenstore.NewMemory(), new(vendor)
		installExpired(t, store, vendor)
		tolerant := func(name string, after time.Duration) tokenstore.RefreshFunc {
			return func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
				time.Sleep(after)
				return &oauth2.Token{AccessToken: name, RefreshToken: name, Expiry: time.Now().Add(time.Hour)}, nil
			}
		}
		var processes sync.WaitGroup
		slow := newSource(t, store, tolerant("slow", time.Minute))
		processes.Go(func() { wantToken(t, slow, "quick") })
		synctest.Wait()
		wantToken(t, newSource(t, store, tolerant("quick", time.Second)), "quick")
		processes.Wait()
		if grant, _ := readGrant(t, store); grant.RefreshToken != "quick" {
			t.Errorf("stored refresh token = %s, want quick", grant.RefreshToken)
		}
	})
}

func TestASuccessorOfTheSameTokenForAFormerInstallationIsDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, vendor := tokenstore.NewMemory(), new(vendor)
		installExpired(t, store, vendor)
		source := newSource(t, store, func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
			writeRaw(t, store, `{"format":1,"installation":"second","access_token":"access-9","refresh_token":"refresh-1"}`)
			return vendor.refresh(ctx, old)
		})
		wantToken(t, source, "access-9")
	})
}

// The token is too short-lived to count as good, so only the record tells that it is the one of this refresh.
func TestAShortLivedTokenIsHandedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, vendor := newFaultyStore(), new(vendor)
		installExpired(t, store, vendor)
		calls := 0
		source := newSource(t, store, func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
			calls++
			store.set(nil, func(do func() error) error {
				store.set(nil, nil)
				_ = do()
				return errLost
			})
			return &oauth2.Token{AccessToken: "access-2", RefreshToken: "refresh-2", Expiry: time.Now().Add(30 * time.Second)}, nil
		})
		wantToken(t, source, "access-2")
		if calls != 1 {
			t.Errorf("the vendor was called %d times, want once", calls)
		}
	})
}

func TestTheNewTokensAreKeptWhileTheStoreIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, vendor := newFaultyStore(), new(vendor)
		installExpired(t, store, vendor)
		down := func(func() error) error { return errLost }
		source := newSource(t, store, func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
			store.set(down, down)
			return vendor.refresh(ctx, old)
		})
		start := time.Now()
		for range 3 {
			if _, err := source.Token(t.Context()); !errors.Is(err, tokenstore.ErrNotSaved) {
				t.Errorf("Token = %v, want ErrNotSaved", err)
			}
		}
		if took := time.Since(start); took > 6*time.Second {
			t.Errorf("the callers were told after %v, want seconds", took)
		}
		time.Sleep(24 * time.Hour)
		store.set(nil, nil)
		if err := source.Wait(t.Context()); err != nil {
			t.Errorf("Wait = %v, want nil", err)
		}
		if grant, _ := readGrant(t, store); grant.RefreshToken != "refresh-2" {
			t.Errorf("stored refresh token = %s, want refresh-2", grant.RefreshToken)
		}
		vendor.wantCalls(t, 1)
	})
}

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
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
)

func TestTheNewTokensAreStoredBeforeAnyoneGetsThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		source := f.source(t, tokenstore.WithKeepAlive(24*time.Hour))
		wantToken(t, source, "access-2")
		grant, record := f.grant(t)
		if grant.AccessToken != "access-2" || grant.RefreshToken != "refresh-2" || grant.Lease != nil || grant.Rejected != nil {
			t.Errorf("stored grant = %+v, want the new tokens without lease and rejection", grant)
		}
		if want := time.Now().Add(24 * time.Hour).UTC(); record.DueAt != want {
			t.Errorf("DueAt = %v, want the keep-alive %v", record.DueAt, want)
		}
	})
}

func TestNobodyGetsTheNewTokenBeforeItIsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		source := f.sourceWith(t, func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
			f.store.SetForNextPut(storetest.Hooks{BeforePut: putSlowly(3 * time.Second)})
			return f.vendor.refresh(ctx, old)
		})
		impatient, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if token, err := source.Token(impatient); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Token while the new tokens are on their way = %v, %v, want DeadlineExceeded", token, err)
		}
		if grant, _ := f.grant(t); grant.RefreshToken != "refresh-1" {
			t.Errorf("stored refresh token = %s, want refresh-1 still", grant.RefreshToken)
		}
		wantToken(t, source, "access-2")
		f.vendor.wantCalls(t, 1)
	})
}

func TestFieldsThatARefreshOmitsAreKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		source := f.sourceWith(t, func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
			return &oauth2.Token{AccessToken: "access-2", Expiry: time.Now().Add(time.Hour)}, nil
		})
		token := wantToken(t, source, "access-2")
		if token.Extra("scope") != "meeting:write" || token.Extra("api_url") != "https://api-eu.zoom.us" {
			t.Errorf("extras = %v, %v, want those of the consent", token.Extra("scope"), token.Extra("api_url"))
		}
		if grant, _ := f.grant(t); grant.RefreshToken != "refresh-1" {
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
				f := setup(t)
				source := f.sourceWith(t, func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
					f.store.SetForNextPut(storetest.Hooks{
						AfterPut: func(_ context.Context, _ string, _ tokenstore.Record, err error) error {
							if err != nil {
								t.Error(err)
							}
							return reply
						},
					})
					return f.vendor.refresh(ctx, old)
				})
				wantToken(t, source, "access-2")
				f.vendor.wantCalls(t, 1)
			})
		})
	}
}

// The answer is so late that another process takes over and marks the grant rejected. The
// late answer is the successor of the rejected token, so it revives the grant.
func TestASuccessorRevivesItsRejectedPredecessor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		slow := f.sourceWith(t, f.vendor.late(time.Minute))
		var processes sync.WaitGroup
		processes.Go(func() { wantToken(t, slow, "access-2") })
		synctest.Wait()

		sibling := f.source(t)
		if _, err := sibling.Token(t.Context()); !errors.Is(err, tokenstore.ErrReauthorize) {
			t.Errorf("Token of the sibling = %v, want ErrReauthorize", err)
		}
		processes.Wait()
		wantToken(t, sibling, "access-2")
		f.vendor.wantCalls(t, 2)
	})
}

// The answer is late, and another process has already leased the grant and sent the same
// token.
func TestASuccessorReplacesAPredecessorThatIsLeasedToAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		slow := f.sourceWith(t, f.vendor.late(30*time.Second))
		var processes sync.WaitGroup
		processes.Go(func() { wantToken(t, slow, "access-2") })
		synctest.Wait()

		time.Sleep(27 * time.Second) // the lease has ended
		sibling := f.sourceWith(t, f.vendor.late(6*time.Second))
		wantToken(t, sibling, "access-2")
		processes.Wait()
		f.vendor.wantCalls(t, 2)
		if grant, _ := f.grant(t); grant.RefreshToken != "refresh-2" || grant.Lease != nil || grant.Rejected != nil {
			t.Errorf("grant = %+v, want refresh-2 without lease and rejection", grant)
		}
	})
}

// A key management service that is unavailable looks like a value that cannot be
// decrypted. To drop the new tokens would lose the grant.
func TestTheNewTokensAreKeptWhileTheRecordCannotBeDecrypted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := &tinkAEAD{AEAD: parseKeyring(t, oldKeys)}
		f := setupOn(t, seal(t, tokenstore.NewMemory(), keys))
		f.install(t, "first")
		time.Sleep(2 * time.Hour)
		source := f.sourceWith(t, func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
			keys.set(errLost)
			return f.vendor.refresh(ctx, old)
		})
		if _, err := source.Token(t.Context()); !errors.Is(err, tokenstore.ErrNotSaved) {
			t.Errorf("Token = %v, want ErrNotSaved", err)
		}
		time.Sleep(time.Hour)
		keys.set(nil)
		if err := source.Wait(t.Context()); err != nil {
			t.Errorf("Wait = %v, want nil", err)
		}
		if grant, _ := f.grant(t); grant.RefreshToken != "refresh-2" {
			t.Errorf("stored refresh token = %s, want refresh-2", grant.RefreshToken)
		}
		f.vendor.wantCalls(t, 1)
	})
}

func TestASuccessorForAFormerInstallationIsDropped(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		meanwhile func(t *testing.T, f *fleet)
		want      error
	}{
		{"a new consent", func(t *testing.T, f *fleet) {
			t.Helper()
			f.install(t, "second")
		}, nil},
		{"an uninstall", func(t *testing.T, f *fleet) {
			t.Helper()
			if err := f.source(t).Uninstall(t.Context(), "first"); err != nil {
				t.Fatal(err)
			}
		}, tokenstore.ErrNotInstalled},
		{"a delete", func(t *testing.T, f *fleet) {
			t.Helper()
			if err := f.store.Delete(t.Context(), key, ""); err != nil {
				t.Fatal(err)
			}
		}, tokenstore.ErrNotInstalled},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := setup(t)
				source := f.sourceWith(t, f.vendor.late(5*time.Second))
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
				test.meanwhile(t, f)
				caller.Wait()
				f.vendor.wantCalls(t, 1)
			})
		})
	}
}

// A vendor that tolerates reuse issues two successors of one token. The stored one stays.
func TestASuccessorNeverReplacesAnotherSuccessor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		tolerant := func(name string, after time.Duration) tokenstore.RefreshFunc {
			return func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
				time.Sleep(after)
				return &oauth2.Token{AccessToken: name, RefreshToken: name, Expiry: time.Now().Add(time.Hour)}, nil
			}
		}
		var processes sync.WaitGroup
		slow := f.sourceWith(t, tolerant("slow", time.Minute))
		processes.Go(func() { wantToken(t, slow, "quick") })
		synctest.Wait()
		wantToken(t, f.sourceWith(t, tolerant("quick", time.Second)), "quick")
		processes.Wait()
		if grant, _ := f.grant(t); grant.RefreshToken != "quick" {
			t.Errorf("stored refresh token = %s, want quick", grant.RefreshToken)
		}
	})
}

func TestASuccessorOfTheSameTokenForAFormerInstallationIsDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		source := f.sourceWith(t, func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
			f.writeRaw(t, `{"format":1,"installation":"second","access_token":"access-9","refresh_token":"refresh-1"}`)
			return f.vendor.refresh(ctx, old)
		})
		wantToken(t, source, "access-9")
	})
}

// The token is too short-lived to count as good, so only the record shows that it is the
// one of this refresh.
func TestAShortLivedTokenIsHandedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		calls := 0
		source := f.sourceWith(t, func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
			calls++
			f.store.SetForNextPut(storetest.Hooks{AfterPut: replyLost(errLost)})
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
		f := setup(t)
		source := f.sourceWith(t, func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
			f.store.Set(storeDown())
			return f.vendor.refresh(ctx, old)
		})
		start := time.Now()
		for range 3 {
			if _, err := source.Token(t.Context()); !errors.Is(err, tokenstore.ErrNotSaved) {
				t.Errorf("Token = %v, want ErrNotSaved", err)
			}
		}
		if took := time.Since(start); took > 6*time.Second {
			t.Errorf("the callers were answered after %v, want seconds", took)
		}
		time.Sleep(24 * time.Hour)
		f.store.Set(storetest.Hooks{})
		if err := source.Wait(t.Context()); err != nil {
			t.Errorf("Wait = %v, want nil", err)
		}
		if grant, _ := f.grant(t); grant.RefreshToken != "refresh-2" {
			t.Errorf("stored refresh token = %s, want refresh-2", grant.RefreshToken)
		}
		f.vendor.wantCalls(t, 1)
	})
}

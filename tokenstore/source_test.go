package tokenstore_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
)

func TestNewTokenSourceRejectsInvalidArguments(t *testing.T) {
	t.Parallel()
	store, refresh := tokenstore.NewMemory(), new(vendor).refresh
	tests := []struct {
		name    string
		store   tokenstore.Store
		key     string
		refresh tokenstore.RefreshFunc
		opt     tokenstore.Option
	}{
		{"no store", nil, key, refresh, tokenstore.WithKeepAlive(time.Hour)},
		{"no key", store, "", refresh, tokenstore.WithKeepAlive(time.Hour)},
		{"no refresh function", store, key, nil, tokenstore.WithKeepAlive(time.Hour)},
		{"no refresh timeout", store, key, refresh, tokenstore.WithRefreshTimeout(0)},
		{"no keep-alive", store, key, refresh, tokenstore.WithKeepAlive(-time.Hour)},
		{"no late bound", store, key, refresh, tokenstore.WithReuseDetection(0)},
		{"no observer", store, key, refresh, tokenstore.WithObserver(nil)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := tokenstore.NewTokenSource(test.store, test.key, test.refresh, test.opt)
			if !errors.Is(err, tokenstore.ErrInvalid) {
				t.Errorf("error = %v, want ErrInvalid", err)
			}
		})
	}
}

func TestTokenHasTheExtrasAndNoRefreshToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupFresh(t)

		token := wantToken(t, f.source(t), "access-1")
		got := map[string]any{
			"type": token.Type(), "expiry": token.Expiry, "refresh token": token.RefreshToken,
			"scope": token.Extra("scope"), "api_url": token.Extra("api_url"),
		}
		want := map[string]any{
			"type": "Bearer", "expiry": time.Now().Add(time.Hour).UTC(), "refresh token": "",
			"scope": "meeting:write", "api_url": "https://api-eu.zoom.us",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("token (-want +got):\n%s", diff)
		}
	})
}

func TestAGoodTokenComesFromMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupFresh(t)
		source := f.source(t)

		for range 2 { // from the store, and from memory
			wantToken(t, source, "access-1").AccessToken = "changed by the caller"
		}
		f.store.Set(storetest.Hooks{BeforeGet: func(context.Context, string) error {
			t.Error("the store is read, want the token from memory")
			return nil
		}})
		time.Sleep(58 * time.Minute)
		wantToken(t, source, "access-1")
		f.store.Set(storetest.Hooks{})

		time.Sleep(90 * time.Second)
		wantToken(t, source, "access-1") // near its expiry it is served while it is refreshed
		synctest.Wait()
		wantToken(t, source, "access-2")
		f.vendor.wantCalls(t, 1)
	})
}

func TestManyCallersShareOneRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		source := f.source(t)

		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() {
				token, err := source.Token(t.Context())
				if err != nil || token.AccessToken != "access-2" {
					t.Errorf("Token = %v, want access-2", err)
				}
			})
		}
		callers.Wait()
		f.vendor.wantCalls(t, 1)
	})
}

func TestManyProcessesShareOneRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		slow := func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
			time.Sleep(3 * time.Second)
			return f.vendor.refresh(ctx, old)
		}

		var callers sync.WaitGroup
		for range 8 {
			source := f.sourceWith(t, slow)
			for range 50 {
				callers.Go(func() {
					token, err := source.Token(t.Context())
					if err != nil || token.AccessToken != "access-2" {
						t.Errorf("Token = %v, want access-2", err)
					}
				})
			}
		}
		callers.Wait()
		f.vendor.wantCalls(t, 1)
	})
}

func TestACallerThatLeavesDoesNotStopTheRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		source := f.sourceWith(t, func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
			time.Sleep(3 * time.Second)
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			return f.vendor.refresh(ctx, old)
		})

		start := time.Now()
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := source.Token(impatient); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Token of the impatient caller = %v, want DeadlineExceeded", err)
		}
		if err := source.Wait(impatient); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait of the impatient caller = %v, want DeadlineExceeded", err)
		}

		if err := source.Wait(t.Context()); err != nil {
			t.Errorf("Wait = %v, want nil", err)
		}
		wantToken(t, source, "access-2")
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("it took %v, want the 3s of one refresh", took)
		}
		f.vendor.wantCalls(t, 1)
	})
}

// Another process holds a lease that never ends.
func TestARefreshHasATimeLimitOfItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupEmpty(t)
		f.writeRaw(t, `{"format":1,"installation":"first","refresh_token":"refresh-1","expiry":"1999-01-01T00:00:00Z",`+
			`"lease":{"owner":"other","until":"2999-01-01T00:00:00Z"}}`)
		start := time.Now()
		if _, err := f.source(t).Token(t.Context()); !errors.Is(err, tokenstore.ErrInDoubt) {
			t.Errorf("Token = %v, want ErrInDoubt", err)
		}
		if took := time.Since(start); took > time.Minute {
			t.Errorf("it took %v, want less than a minute", took)
		}
		f.vendor.wantCalls(t, 0)
	})
}

func TestACallerThatIsGoneStartsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		source := f.source(t)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := source.Token(gone); !errors.Is(err, context.Canceled) {
			t.Errorf("Token = %v, want Canceled", err)
		}
		synctest.Wait()
		f.vendor.wantCalls(t, 0)
	})
}

func TestLoad(t *testing.T) {
	t.Parallel()
	const expired = `"expiry":"1999-01-01T00:00:00Z"`
	broken := errors.New("cannot unseal")
	tests := []struct {
		name  string
		value string
		fault error
		want  error
	}{
		{name: "no record", want: tokenstore.ErrNotInstalled},
		{name: "a tombstone", value: `{"format":1,"installation":"first","uninstalled":true}`, want: tokenstore.ErrNotInstalled},
		{name: "a rejected grant", want: tokenstore.ErrReauthorize, value: `{"format":1,"access_token":"access-1",` + expired +
			`,"refresh_token":"refresh-1","rejected":{"fingerprint":"bd473e5dcdce2510","reason":"invalid_grant"}}`},
		{name: "no refresh token", value: `{"format":1,"access_token":"access-1",` + expired + `}`, want: tokenstore.ErrReauthorize},
		{name: "a newer format", value: `{"format":2,"access_token":["access-1"]}`, want: tokenstore.ErrUnreadable},
		{name: "no format", value: `{"access_token":"access-1"}`, want: tokenstore.ErrUnreadable},
		{name: "a damaged record", value: `{"format":1,"access_token":{"access-1":1}}`, want: tokenstore.ErrUnreadable},
		{name: "no JSON", value: `access-1`, want: tokenstore.ErrUnreadable},
		{name: "a record that cannot be unsealed", value: `sealed`, fault: broken, want: broken},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := setupEmpty(t)
				if test.value != "" {
					f.writeRaw(t, test.value)
				}
				if test.fault != nil {
					f.store.Set(storetest.Hooks{BeforeGet: func(context.Context, string) error { return test.fault }})
				}
				_, err := f.source(t).Token(t.Context())
				if !errors.Is(err, test.want) {
					t.Fatalf("Token = %v, want %v", err, test.want)
				}
				if failure, ok := errors.AsType[*tokenstore.Error](err); !ok || failure.Key != key {
					t.Errorf("Token = %#v, want an *Error with the key", err)
				}
				wantNoSecret(t, err.Error())
				f.vendor.wantCalls(t, 0)
			})
		})
	}
}

func TestATokenThatAnotherProcessStoredIsUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		wantToken(t, f.source(t), "access-2")
		wantToken(t, f.source(t), "access-2")
		f.vendor.wantCalls(t, 1)
	})
}

func TestAStoredTokenIsUsedWhileItIsGood(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		after time.Duration // since the consent
		spoil func(t *testing.T, source *tokenstore.TokenSource)
		want  string
	}{
		{name: "a fresh one", want: "access-1"},
		{name: "two minutes before its expiry", after: 58 * time.Minute, want: "access-1"},
		{name: "half a minute before its expiry, while it is refreshed", after: 59*time.Minute + 30*time.Second, want: "access-1"},
		{name: "four seconds before its expiry", after: time.Hour - 4*time.Second, want: "access-2"},
		{name: "the one that was invalidated", want: "access-2", spoil: func(t *testing.T, source *tokenstore.TokenSource) {
			t.Helper()
			source.Invalidate(t.Context(), wantToken(t, source, "access-1"))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := setupFresh(t)
				source := f.sourceWith(t, f.vendor.late(time.Second))
				if test.spoil != nil {
					test.spoil(t, source)
				}
				time.Sleep(test.after)
				wantToken(t, source, test.want)
				_ = source.Wait(t.Context())
			})
		})
	}
}

func TestARejectedTokenIsNotServedWhileAnotherProcessRefreshes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupFresh(t)
		slow, sibling := f.sourceWith(t, f.vendor.late(3*time.Second)), f.source(t)
		for _, source := range []*tokenstore.TokenSource{slow, sibling} {
			source.Invalidate(t.Context(), wantToken(t, source, "access-1"))
		}
		var first sync.WaitGroup
		first.Go(func() { wantToken(t, slow, "access-2") })
		synctest.Wait()
		wantToken(t, sibling, "access-2")
		first.Wait()
		f.vendor.wantCalls(t, 1)
	})
}

func TestTheOldTokenIsServedWhileAnotherProcessRefreshes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupFresh(t)
		time.Sleep(time.Hour - 10*time.Second)
		slow := f.sourceWith(t, func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
			time.Sleep(7 * time.Second)
			return f.vendor.refresh(ctx, old)
		})
		wantToken(t, slow, "access-1")
		synctest.Wait()

		sibling := f.source(t)
		wantToken(t, sibling, "access-1")
		time.Sleep(6 * time.Second) // too near the end of access-1
		wantToken(t, sibling, "access-2")
		f.vendor.wantCalls(t, 1)
	})
}

func TestALeaseInDoubtIsFoundAgain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		hooks storetest.Hooks
	}{
		{"it landed", storetest.Hooks{AfterPut: replyLost(errLost)}},
		{"it did not land", storetest.Hooks{BeforePut: putNever(errLost)}},
		{"another write came first", storetest.Hooks{BeforePut: putNever(tokenstore.ErrConflict)}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := setup(t)
				f.store.SetForNextPut(test.hooks)
				start := time.Now()
				wantToken(t, f.source(t), "access-2")
				f.vendor.wantCalls(t, 1)
				if took := time.Since(start); took > time.Second {
					t.Errorf("it took %v, want no wait for a lease", took)
				}
			})
		})
	}
}

func TestTheLeaseFailsOnAnOutdatedRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		f.store.SetForNextPut(storetest.Hooks{BeforePut: func(context.Context, string, tokenstore.Record) error {
			wantToken(t, f.source(t), "access-2") // after this one has read
			return nil
		}})
		wantToken(t, f.source(t), "access-2")
		f.vendor.wantCalls(t, 1)
	})
}

// Two calls of the vendor, eight seconds each, then five to save and five for the clocks.
func TestTheLeaseCoversCallsSaveAndSkew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		_, before := f.grant(t)
		owners := make(map[string]bool)
		for range 2 {
			source := f.sourceWith(t, func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
				grant, record := f.grant(t)
				if left := time.Until(grant.Lease.Until); left != 26*time.Second {
					t.Errorf("the lease has %v left, want 26s", left)
				}
				if record.DueAt != before.DueAt {
					t.Errorf("DueAt = %v, want the keep-alive %v", record.DueAt, before.DueAt)
				}
				owners[grant.Lease.Owner] = true
				return nil, vendorError(http.StatusTooManyRequests, "slow_down")
			})
			if _, err := source.Token(t.Context()); err == nil {
				t.Error("Token = nil, want the vendor's slow_down")
			}
		}
		if len(owners) != 2 {
			t.Errorf("owners = %v, want one for each claim", owners)
		}
	})
}

func TestTheRefreshTokenOfTheRecordIsSentOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		var sent []string
		source := f.sourceWith(t, func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
			sent = append(sent, old.RefreshToken)
			return f.vendor.refresh(ctx, old)
		})
		wantToken(t, source, "access-2")
		time.Sleep(2 * time.Hour)
		wantToken(t, source, "access-3")
		if diff := cmp.Diff([]string{"refresh-1", "refresh-2"}, sent); diff != "" {
			t.Errorf("sent tokens (-want +got):\n%s", diff)
		}
	})
}

func TestNothingIsSentThatCouldOutlastTheLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		f.store.SetForNextPut(storetest.Hooks{
			AfterPut: func(_ context.Context, _ string, _ tokenstore.Record, err error) error {
				time.Sleep(20 * time.Second) // the process is frozen behind its lease
				return err
			},
		})
		source := f.sourceWith(t, func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
			grant, _ := f.grant(t)
			deadline, ok := ctx.Deadline()
			if spare := grant.Lease.Until.Sub(deadline); !ok || spare < 5*time.Second {
				t.Errorf("the vendor may answer until %v before the lease ends, want time to save", spare)
			}
			return f.vendor.refresh(ctx, old)
		})
		wantToken(t, source, "access-2")
		f.vendor.wantCalls(t, 1)
	})
}

func TestInvalidate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupFresh(t)
		one, other := f.source(t), f.source(t)
		rejected := wantToken(t, one, "access-1")
		wantToken(t, other, "access-1")

		one.Invalidate(t.Context(), rejected)
		wantToken(t, one, "access-2")
		other.Invalidate(t.Context(), rejected)
		wantToken(t, other, "access-2")
		f.vendor.wantCalls(t, 1)

		one.Invalidate(t.Context(), rejected) // late: superseded long ago
		one.Invalidate(t.Context(), nil)
		rejectedToo := wantToken(t, one, "access-2")
		f.vendor.wantCalls(t, 1)

		one.Invalidate(t.Context(), rejectedToo)
		one.Invalidate(t.Context(), rejected) // must not make access-2 good again
		wantToken(t, one, "access-3")
		f.vendor.wantCalls(t, 2)
	})
}

// Found by the simulation: a late uninstall clears the memory, and so a rejection was not
// remembered.
func TestARejectionIsRememberedWithoutATokenInMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupEmpty(t)
		f.install(t, "second")
		source := f.source(t)
		rejected := wantToken(t, source, "access-1")
		if err := source.Uninstall(t.Context(), "first"); err != nil {
			t.Fatal(err)
		}
		source.Invalidate(t.Context(), rejected)
		wantToken(t, source, "access-2")
	})
}

// Found by the simulation: the store's answer to a consent made a token good again that
// was rejected before it came.
func TestARejectionOutlastsASlowSave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupEmpty(t)
		source := f.source(t)
		f.store.SetForNextPut(storetest.Hooks{
			AfterPut: func(_ context.Context, _ string, _ tokenstore.Record, err error) error {
				source.Invalidate(t.Context(), wantToken(t, source, "access-1"))
				return err
			},
		})
		if err := source.Save(t.Context(), "first", f.vendor.install()); err != nil {
			t.Fatal(err)
		}
		wantToken(t, source, "access-2")
	})
}

func TestARejectionEndsWhenTheVendorIssuesTheSameTokenAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupFresh(t)
		source := f.sourceWith(t, func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
			return &oauth2.Token{AccessToken: "access-1", Expiry: time.Now().Add(time.Hour)}, nil
		})
		source.Invalidate(t.Context(), wantToken(t, source, "access-1"))
		wantToken(t, source, "access-1")
	})
}

func TestAnAnswerThatUsesNothingUpReleasesTheLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		unauthorized := f.sourceWith(t, func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
			return nil, vendorError(http.StatusUnauthorized, "invalid_client")
		})
		_, err := unauthorized.Token(t.Context())
		if answer, ok := errors.AsType[*oauth2.RetrieveError](err); !ok || answer.ErrorCode != "invalid_client" {
			t.Errorf("Token = %v, want the vendor's invalid_client", err)
		}

		start := time.Now()
		wantToken(t, f.source(t), "access-2")
		if took := time.Since(start); took > time.Second {
			t.Errorf("the next process waited %v, want no wait for the lease", took)
		}
	})
}

// A vendor that cannot be reached has used nothing up: the next caller may ask it at
// once.
func TestARefreshThatWasNeverSentReleasesTheLease(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]tokenstore.Option{
		"":                     nil,
		"with reuse detection": {tokenstore.WithReuseDetection(30 * time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f, calls := setup(t), 0
				source := f.sourceWith(t, func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
					if calls++; calls <= 2 {
						return nil, fmt.Errorf("zoom: refresh: %w", unsent{})
					}
					return f.vendor.refresh(ctx, old)
				}, opts...)
				if token, err := source.Token(t.Context()); !errors.Is(err, unsent{}) || errors.Is(err, tokenstore.ErrInDoubt) {
					t.Errorf("Token = %v, %v, want the transport's error alone", token, err)
				}
				began := time.Now()
				wantToken(t, source, "access-2")
				if waited := time.Since(began); waited != 0 {
					t.Errorf("the next caller waited %v", waited)
				}
			})
		})
	}
}

// unsent is the error of a transport that never sent its request.
type unsent struct{}

func (unsent) Error() string { return "connection refused" }
func (unsent) Unsent() bool  { return true }

// What was lost before is in doubt, whatever the outcome of the second attempt.
func TestASecondAttemptThatWasNeverSentLeavesTheFirstInDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, calls := setup(t), 0
		source := f.sourceWith(t, func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
			if calls++; calls == 1 {
				return nil, errLost
			}
			return nil, unsent{}
		})
		if token, err := source.Token(t.Context()); !errors.Is(err, tokenstore.ErrInDoubt) {
			t.Errorf("Token = %v, %v, want ErrInDoubt", token, err)
		}
		if g, _ := f.grant(t); g.Lease == nil {
			t.Error("the lease is gone, and with it the trace of the first attempt")
		}
	})
}

func TestNoTokenInAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		source := f.sourceWith(t, func(_ context.Context, old *oauth2.Token) (*oauth2.Token, error) {
			return nil, errors.New("post refresh_token=" + old.RefreshToken + "&access=" + old.AccessToken)
		})
		_, err := source.Token(t.Context())
		if err == nil {
			t.Fatal("Token = nil, want an error")
		}
		wantNoSecret(t, err.Error())
	})
}

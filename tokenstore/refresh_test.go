package tokenstore_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
)

func TestALostRequestIsSentAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		wantToken(t, f.sourceWith(t, f.vendor.losing(1, 0)), "access-2")
		f.vendor.wantCalls(t, 1)
	})
}

func TestTwoCallsWithoutAnAnswerAreInDoubtUntilTheLeaseEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		source := f.sourceWith(t, f.vendor.losing(2, 0))
		_, err := source.Token(t.Context())
		if !errors.Is(err, tokenstore.ErrInDoubt) || !errors.Is(err, errLost) {
			t.Errorf("Token = %v, want ErrInDoubt and its cause", err)
		}
		f.vendor.wantCalls(t, 0)

		grant, _ := f.grant(t)
		wantToken(t, source, "access-2")
		if time.Now().Before(grant.Lease.Until) {
			t.Errorf("the token was sent again %v before the lease ended", time.Until(grant.Lease.Until))
		}
		f.vendor.wantCalls(t, 1)
	})
}

func TestAHangingVendorIsGivenUpAtTheTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		start := time.Now()
		hanging := func(ctx context.Context, _ *oauth2.Token) (*oauth2.Token, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		_, err := f.sourceWith(t, hanging, tokenstore.WithRefreshTimeout(time.Second)).Token(t.Context())
		if !errors.Is(err, tokenstore.ErrInDoubt) {
			t.Errorf("Token = %v, want ErrInDoubt", err)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("it took %v, want two calls of a second", took)
		}
	})
}

func TestAVendorThatDetectsReuseIsNotAskedTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		sent := 0
		source := f.sourceWith(t, func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
			sent++
			return f.vendor.losing(2-sent, 0)(ctx, old)
		}, tokenstore.WithReuseDetection(10*time.Minute))
		if _, err := source.Token(t.Context()); !errors.Is(err, tokenstore.ErrInDoubt) || sent != 1 {
			t.Errorf("Token = %v after %d calls, want ErrInDoubt after one", err, sent)
		}
		start := time.Now()
		wantToken(t, source, "access-2")
		if waited := time.Since(start); waited < 10*time.Minute {
			t.Errorf("the token was sent again after %v, want the late bound to pass", waited)
		}
	})
}

// Nothing at the vendor brings the lost token back, so the grant is rejected, with that
// reason.
func TestALostAnswerCostsTheGrant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		_, err := f.sourceWith(t, f.vendor.losing(0, 1)).Token(t.Context())
		if !errors.Is(err, tokenstore.ErrReauthorize) {
			t.Fatalf("Token = %v, want ErrReauthorize", err)
		}
		if grant, _ := f.grant(t); grant.Rejected == nil || grant.Rejected.Reason != "interrupted" {
			t.Errorf("rejection = %+v, want the reason interrupted", grant.Rejected)
		}
		f.vendor.wantCalls(t, 2)
	})
}

// The answer to the second call says nothing about the first, so the next process must
// not assume that the token is unused.
func TestAnAnswerAfterALostOneKeepsTheLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		calls := 0
		source := f.sourceWith(t, func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
			if calls++; calls == 2 {
				return nil, vendorError(http.StatusTooManyRequests, "slow_down")
			}
			return f.vendor.losing(0, 1)(ctx, old)
		})
		if _, err := source.Token(t.Context()); err == nil || errors.Is(err, tokenstore.ErrReauthorize) {
			t.Errorf("Token = %v, want the vendor's slow_down", err)
		}
		sibling := f.source(t)
		if _, err := sibling.Token(t.Context()); !errors.Is(err, tokenstore.ErrReauthorize) {
			t.Errorf("Token of the next process = %v, want ErrReauthorize", err)
		}
		if grant, _ := f.grant(t); grant.Rejected == nil || grant.Rejected.Reason != "interrupted" {
			t.Errorf("rejection = %+v, want the reason interrupted", grant.Rejected)
		}
	})
}

// A process is frozen behind its lease; another takes over and refreshes; then the first
// one's request arrives.
func TestInvalidGrantIsNotFinalWhenAnotherProcessHasRefreshed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		frozen := f.sourceWith(t, func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
			time.Sleep(time.Minute)
			return f.vendor.refresh(ctx, old)
		})
		var processes sync.WaitGroup
		processes.Go(func() { wantToken(t, frozen, "access-2") })
		synctest.Wait()
		wantToken(t, f.source(t), "access-2")
		processes.Wait()
		f.vendor.wantCalls(t, 2)
		if grant, _ := f.grant(t); grant.Rejected != nil {
			t.Errorf("rejection = %+v, want none", grant.Rejected)
		}
	})
}

// The process that took over is still waiting for its answer when the first one's request
// is rejected.
func TestInvalidGrantIsNotFinalWhenTheLeaseIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		frozen := f.sourceWith(t, func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
			time.Sleep(40 * time.Second)
			return f.vendor.refresh(ctx, old)
		})
		var processes sync.WaitGroup
		processes.Go(func() { wantToken(t, frozen, "access-2") })
		synctest.Wait()
		wantToken(t, f.sourceWith(t, f.vendor.late(20*time.Second)), "access-2")
		processes.Wait()
		f.vendor.wantCalls(t, 2)
	})
}

func TestARejectedGrantIsRememberedUntilANewConsent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		consent := f.vendor.install() // revokes the stored one
		source := f.source(t)
		for range 3 {
			if _, err := source.Token(t.Context()); !errors.Is(err, tokenstore.ErrReauthorize) {
				t.Errorf("Token = %v, want ErrReauthorize", err)
			}
		}
		f.vendor.wantCalls(t, 1)
		grant, record := f.grant(t)
		if grant.Rejected == nil || grant.Rejected.Reason != "invalid_grant" || grant.Lease != nil || !record.DueAt.IsZero() {
			t.Errorf("grant = %+v due at %v, want a rejection, no lease and nothing due", grant, record.DueAt)
		}

		if err := source.Save(t.Context(), "second", consent); err != nil {
			t.Fatal(err)
		}
		wantToken(t, f.source(t), "access-2")
	})
}

func TestARejectionOfAnotherTokenStopsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupEmpty(t)
		f.vendor.install()
		f.writeRaw(t, `{"format":1,"installation":"first","refresh_token":"refresh-1","expiry":"1999-01-01T00:00:00Z",`+
			`"rejected":{"fingerprint":"0000000000000000","reason":"invalid_grant"}}`)
		wantToken(t, f.source(t), "access-2")
	})
}

func TestARejectionInDoubtIsFoundOrWrittenAgain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		hooks storetest.Hooks
		calls int
	}{
		{"it landed", storetest.Hooks{AfterPut: replyLost(errLost)}, 1},
		{"it did not land", storetest.Hooks{BeforePut: putNever(errLost)}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := setup(t)
				f.vendor.install() // revokes the stored one
				var first sync.Once
				source := f.sourceWith(t, func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
					first.Do(func() { f.store.SetForNextPut(test.hooks) })
					return f.vendor.refresh(ctx, old)
				})
				if _, err := source.Token(t.Context()); !errors.Is(err, tokenstore.ErrReauthorize) {
					t.Errorf("Token = %v, want ErrReauthorize", err)
				}
				f.vendor.wantCalls(t, test.calls)
				if grant, _ := f.grant(t); grant.Rejected == nil || grant.Rejected.Reason != "invalid_grant" || grant.Lease != nil {
					t.Errorf("grant = %+v, want it rejected and without a lease", grant)
				}
			})
		})
	}
}

// The first token may have been used up by the process that crashed. The second one,
// found on the way, was simply rejected.
func TestTheReasonBelongsToTheTokenThatWasRejected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupEmpty(t)
		f.writeRaw(t, `{"format":1,"installation":"first","refresh_token":"refresh-0",`+
			`"expiry":"1999-12-31T00:00:00Z","lease":{"owner":"crashed","until":"1999-12-31T00:00:00Z"}}`)
		source := f.sourceWith(t, func(_ context.Context, old *oauth2.Token) (*oauth2.Token, error) {
			if old.RefreshToken == "refresh-0" {
				f.writeRaw(t, `{"format":1,"installation":"first","refresh_token":"refresh-1","expiry":"1999-12-31T00:00:00Z"}`)
			}
			return nil, vendorError(http.StatusBadRequest, "invalid_grant")
		})
		if _, err := source.Token(t.Context()); !errors.Is(err, tokenstore.ErrReauthorize) {
			t.Errorf("Token = %v, want ErrReauthorize", err)
		}
		if grant, _ := f.grant(t); grant.Rejected == nil || grant.Rejected.Reason != "invalid_grant" {
			t.Errorf("rejection = %+v, want the reason invalid_grant", grant.Rejected)
		}
	})
}

func TestATakeoverAfterACrashRecordsWhyTheGrantIsRejected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupEmpty(t)
		f.vendor.install()
		f.writeRaw(t, `{"format":1,"installation":"first","access_token":"access-0","refresh_token":"refresh-0",`+
			`"expiry":"1999-12-31T00:00:00Z","lease":{"owner":"crashed","until":"2000-01-01T00:00:10Z"}}`)
		start := time.Now()
		_, err := f.source(t).Token(t.Context())
		if !errors.Is(err, tokenstore.ErrReauthorize) {
			t.Errorf("Token = %v, want ErrReauthorize", err)
		}
		if waited := time.Since(start); waited < 10*time.Second {
			t.Errorf("it took over after %v, want the lease to end first", waited)
		}
		if grant, _ := f.grant(t); grant.Rejected == nil || grant.Rejected.Reason != "interrupted" {
			t.Errorf("rejection = %+v, want the reason interrupted", grant.Rejected)
		}
		f.vendor.wantCalls(t, 1)
	})
}

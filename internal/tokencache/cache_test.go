package tokencache_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/tokencache"
)

func ExampleCache() {
	tokens := tokencache.New(func(context.Context) (*oauth2.Token, error) {
		fmt.Println("the vendor is asked")
		return &oauth2.Token{AccessToken: "t1", Expiry: time.Now().Add(time.Hour)}, nil
	})
	for range 2 {
		token, err := tokens.Token(context.Background())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("the bearer is", token.AccessToken)
	}
	// Output:
	// the vendor is asked
	// the bearer is t1
	// the bearer is t1
}

// vendor gives the tokens t1, t2 and so on.
type vendor struct {
	life  time.Duration // of a token; an hour if 0
	delay time.Duration // of an answer
	asked int
}

func (v *vendor) fetch(ctx context.Context) (*oauth2.Token, error) {
	v.asked++
	name, begin := fmt.Sprintf("t%d", v.asked), time.Now()
	answered := time.NewTimer(v.delay)
	defer answered.Stop()
	select {
	case <-answered.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	life := v.life
	if life == 0 {
		life = time.Hour
	}
	return &oauth2.Token{AccessToken: name, Expiry: begin.Add(life)}, nil
}

func mustToken(t *testing.T, tokens *tokencache.Cache) string {
	t.Helper()
	token, err := tokens.Token(t.Context())
	if err != nil {
		t.Error(err)
		return ""
	}
	return token.AccessToken
}

func TestTokenIsKeptUntilAMinuteBeforeItsEnd(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	tests := []struct {
		name  string
		life  time.Duration
		waits []time.Duration
		want  []string
	}{
		{"a day", day, []time.Duration{0, day - 61*time.Second, time.Second, time.Hour}, []string{"t1", "t1", "t2", "t2"}},
		{"hardly more than the minute", 61 * time.Second, []time.Duration{0, 0, time.Second}, []string{"t1", "t1", "t2"}},
		{"a minute is too short to keep", time.Minute, []time.Duration{0, 0}, []string{"t1", "t2"}},
		{"over when it comes", -time.Second, []time.Duration{0, 0}, []string{"t1", "t2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tokens := tokencache.New((&vendor{life: tt.life}).fetch)
				var got []string
				for _, wait := range tt.waits {
					time.Sleep(wait)
					got = append(got, mustToken(t, tokens))
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("tokens (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestCallersShareOneFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tokens := tokencache.New((&vendor{delay: time.Second}).fetch)
		var calls sync.WaitGroup
		for range 50 {
			calls.Go(func() {
				if got := mustToken(t, tokens); got != "t1" {
					t.Errorf("token %s, want the one of the first fetch", got)
				}
			})
		}
		calls.Wait()
	})
}

func TestCallerThatGivesUpLeavesTheTokenToTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tokens := tokencache.New((&vendor{delay: 2 * time.Second}).fetch)
		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := tokens.Token(hasty); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the hasty one got %v", err)
		}
		if got := mustToken(t, tokens); got != "t1" {
			t.Errorf("token %s, want the one that the hasty caller asked for", got)
		}
	})
}

func TestHangingFetchIsGivenUpAndDoneAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := &vendor{delay: time.Hour}
		tokens := tokencache.New(slow.fetch)
		begin := time.Now()
		_, err := tokens.Token(t.Context())
		if took := time.Since(begin); took != 20*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v after %s, want the deadline after 20s", err, took)
		}
		slow.delay = 0
		if got := mustToken(t, tokens); got != "t2" {
			t.Errorf("token %s, want one of a second fetch", got)
		}
	})
}

func TestOnlyTheRefusedTokenIsForgotten(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		refused *oauth2.Token
		want    string
	}{
		{"the kept one", &oauth2.Token{AccessToken: "t2"}, "t3"},
		{"one from before", &oauth2.Token{AccessToken: "t1"}, "t2"},
		{"none", nil, "t2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tokens := tokencache.New((&vendor{}).fetch)
			tokens.Invalidate(&oauth2.Token{AccessToken: "t0"}) // nothing is kept yet
			tokens.Invalidate(&oauth2.Token{AccessToken: mustToken(t, tokens)})
			mustToken(t, tokens)
			tokens.Invalidate(tt.refused)
			if got := mustToken(t, tokens); got != tt.want {
				t.Errorf("token %s, want %s", got, tt.want)
			}
		})
	}
}

// over is the context of a caller whose time is up just when the fetch has ended.
type over struct{ context.Context }

func (over) Done() <-chan struct{} {
	synctest.Wait()
	ended := make(chan struct{})
	close(ended)
	return ended
}

func (over) Err() error { return context.DeadlineExceeded }

func TestTokenThatArrivesWithTheDeadlineIsHandedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for range 50 { // a select that may choose takes the wrong one sooner or later
			tokens := tokencache.New((&vendor{}).fetch)
			if _, err := tokens.Token(over{t.Context()}); err != nil {
				t.Fatalf("the token is there, and the caller got %v", err)
			}
		}
	})
}

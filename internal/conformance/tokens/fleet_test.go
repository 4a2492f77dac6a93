package tokens_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
)

const (
	processes = 8
	callers   = 50 // in each process
)

// install stores a consent whose access token has expired. It returns the token.
func install(t *testing.T, s *server, o task, installation string) *oauth2.Token {
	t.Helper()
	token := s.consent(t, o.Vendor)
	token.Expiry = time.Now().Add(-time.Minute)
	source, err := o.source(o.Store.must(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := source.Save(t.Context(), installation, token); err != nil {
		t.Fatal(err)
	}
	return token
}

// wantOneToken checks that every caller of every process got the same token, and returns
// it.
func wantOneToken(t *testing.T, outcomes []outcome) string {
	t.Helper()
	all := map[string]int{}
	var token string
	for _, one := range outcomes {
		for _, failure := range one.Failures {
			t.Errorf("a caller failed: %s", failure)
		}
		for each, n := range one.Tokens {
			token, all[each] = each, all[each]+n
		}
	}
	if len(all) != 1 || all[token] != len(outcomes)*callers {
		t.Fatalf("%d tokens for %d callers, want one for %d", len(all), all[token], len(outcomes)*callers)
	}
	return token
}

// wantRefreshes checks how many refreshes reached the server and how many it answered
// with new tokens.
func (s *server) wantRefreshes(t *testing.T, want int) {
	t.Helper()
	asked, answered := s.counts()
	if diff := cmp.Diff([]int{want, want}, []int{asked, answered}); diff != "" {
		t.Errorf("refreshes sent to and answered by the server (-want +got):\n%s", diff)
	}
}

// wantSealed checks that the record shows nothing of these tokens.
func wantSealed(t *testing.T, o task, tokens ...string) {
	t.Helper()
	record, err := o.Store.must(t).Get(t.Context(), "grant/default/"+o.Vendor)
	if err != nil {
		t.Fatal(err)
	}
	for _, shape := range shapes(append(tokens, `"format"`)...) {
		if bytes.Contains(record.Value, []byte(shape)) {
			t.Errorf("the record shows %q", shape)
		}
	}
}

// The server revokes the whole grant when a refresh token comes twice, so a second
// attempt would show.
func TestAFleetRefreshesOnce(t *testing.T) {
	t.Parallel()
	for _, vendor := range []string{"zoom", "pagerduty"} {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			eachStore(t, func(t *testing.T, at place) {
				s := newServer(t)
				o := task{Store: at, Vendor: vendor, Server: s.url, Callers: callers}
				expired := install(t, s, o, "installation-1")

				second := wantOneToken(t, run(t, processes, o))
				s.wantRefreshes(t, 1)
				if second == expired.AccessToken {
					t.Error("the expired token was handed out")
				}

				o.Rejected = second
				third := wantOneToken(t, run(t, processes, o))
				s.wantRefreshes(t, 2)
				if third == second {
					t.Error("the rejected token was handed out")
				}
				wantSealed(t, o, expired.AccessToken, expired.RefreshToken, second, third)
			})
		})
	}
}

// Nothing brings back a token that the server issued and nobody stored. The callers are
// told so at once, and how to recover.
func TestAProcessKilledBeforeItStoresTheNewToken(t *testing.T) {
	t.Parallel()
	for _, vendor := range []string{"zoom", "pagerduty"} {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			eachStore(t, func(t *testing.T, at place) {
				s := newServer(t)
				o := task{Store: at, Vendor: vendor, Server: s.url, Callers: callers}
				install(t, s, o, "installation-1")

				killed := o
				killed.Killed = true
				run(t, 1, killed)
				s.wantRefreshes(t, 1)

				wantLost(t, run(t, 1, o)) // it asks the server
				sent, answered := s.counts()
				if sent > 3 || answered != 1 {
					t.Errorf("%d refreshes reached the server and %d were answered, want at most 3 and 1", sent, answered)
				}
				wantLost(t, run(t, processes, o)) // these read the record
				if asked, _ := s.counts(); asked != sent {
					t.Errorf("%d refreshes more reached the server once the grant was known to be lost", asked-sent)
				}

				install(t, s, o, "installation-2")
				wantOneToken(t, run(t, processes, o))
			})
		})
	}
}

// wantLost checks that every caller is told why there is no token, and how to recover.
func wantLost(t *testing.T, outcomes []outcome) {
	t.Helper()
	for _, one := range outcomes {
		if one.Lost != callers || len(one.Failures) != callers {
			t.Errorf("%d callers of %d are told to authorize again: %q", one.Lost, callers, one.Failures)
		}
		for _, failure := range one.Failures {
			if !strings.Contains(failure, "authorize the app again (interrupted)") {
				t.Errorf("failure %q, want the reason, and how to recover", failure)
			}
		}
	}
}

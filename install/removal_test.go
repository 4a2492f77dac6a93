package install_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// Zoom's consent came, PagerDuty's has not yet, and the app is removed at Zoom: what
// would be installed is dead.
func TestARemovalDuringAnInstallRefusesIt(t *testing.T) {
	removal := func(app string) func(time.Time) install.Deauthorization {
		return func(at time.Time) install.Deauthorization {
			return install.Deauthorization{ClientID: app, AccountID: "ACCOUNT", At: at.Add(time.Second)}
		}
	}
	tests := []struct {
		name   string
		before bool // the app is installed already
		report func(consentAt time.Time) install.Deauthorization
		after  time.Duration // from the removal until the install continues
		want   error
	}{
		{"of a first install", false, removal(zoomApp), time.Minute, install.ErrNotInstalled},
		{"of a first install that takes long", false, removal(zoomApp), 20 * time.Minute, install.ErrNotInstalled},
		{"of an install that replaces another", true, removal(zoomApp), time.Minute, install.ErrNotInstalled},
		{"reported in whole seconds", false, func(at time.Time) install.Deauthorization {
			return install.Deauthorization{ClientID: zoomApp, AccountID: "ACCOUNT", At: at.Truncate(time.Second)}
		}, time.Minute, install.ErrNotInstalled},
		{"but not one before the consent", false, func(at time.Time) install.Deauthorization {
			return install.Deauthorization{ClientID: zoomApp, AccountID: "ACCOUNT", At: at.Add(-time.Millisecond)}
		}, time.Minute, nil},
		{"but not one of another app", false, removal("another-app"), time.Minute, nil},
		{"but not one of another account", false, func(at time.Time) install.Deauthorization {
			return install.Deauthorization{ClientID: zoomApp, AccountID: "OTHER", At: at.Add(time.Second)}
		}, time.Minute, nil},
		{"but not one of nobody's", false, func(at time.Time) install.Deauthorization {
			return install.Deauthorization{ClientID: zoomApp, At: at.Add(time.Second)}
		}, time.Minute, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run(t, func(t *testing.T, e *env) {
				pass(123 * time.Millisecond) // not on a whole second
				i, other := e.process(t, e.store), e.process(t, e.store)
				if tt.before {
					e.install(t, i)
					pass(time.Minute)
				}
				atZoom, consentAt := e.authorize(t, i, install.VendorZoom), time.Now()
				pass(2 * time.Second)
				uninstall(t, other, tt.report(consentAt)) // in another process
				pass(tt.after)
				_, err := i.Install(t.Context(), atZoom, e.authorize(t, i, install.VendorPagerDuty))
				if !errors.Is(err, tt.want) {
					t.Fatalf("Install = %v, want %v", err, tt.want)
				}
				if tt.want != nil {
					_, err := i.Current(t.Context())
					if !errors.Is(err, install.ErrNotInstalled) {
						t.Errorf("Current = %v", err)
					}
					e.install(t, i) // a new consent is good
				}
			})
		})
	}
}

func TestARemovalWhileAFirstInstallIsWrittenRefusesIt(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		other := e.process(t, e.store)
		reported := false
		i := e.process(t, beforePut(e.store, func(key string) error {
			if key == "grant/default/pagerduty" && !reported {
				reported = true
				pass(time.Second)
				uninstall(t, other, removed())
			}
			return nil
		}))
		authorizations := e.authorizeBoth(t, i)
		if _, err := i.Install(t.Context(), authorizations...); !errors.Is(err, install.ErrNotInstalled) {
			t.Errorf("Install = %v", err)
		}
		e.wantNoGrants(t)
	})
}

// A removal whose time is ahead of our clock does not refuse a consent given after it
// came in.
func TestARemovalFromTheFutureRefusesNoLaterInstall(t *testing.T) {
	for name, installed := range map[string]bool{"a first install": false, "an install again": true} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, e *env) {
				i := e.process(t, e.store)
				if installed {
					e.install(t, i)
				}
				pass(time.Second)
				ahead := removed()
				ahead.At = ahead.At.Add(20 * time.Second)
				uninstall(t, i, ahead)
				pass(time.Second)
				e.install(t, i)
			})
		})
	}
}

// Zoom tells of the removals of every account that has the app.
func TestRemovalsOfStrangersDoNotFillTheStore(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		i := e.process(t, e.store)
		for n := range 500 {
			stranger := removed()
			stranger.AccountID = fmt.Sprintf("stranger-%d", n)
			uninstall(t, i, stranger)
			pass(time.Millisecond)
		}
		stored, err := e.store.Get(t.Context(), "installation/default")
		if err != nil {
			t.Fatal(err)
		}
		if len(stored.Value) > 4096 {
			t.Errorf("the record has %d bytes", len(stored.Value))
		}
		if left := time.Until(stored.ExpiresAt); left <= 0 || left > 2*time.Hour {
			t.Errorf("the record goes in %v", left)
		}
		e.install(t, i)
		pass(2 * time.Hour)
		uninstall(t, i, removed())
		stored, err = e.store.Get(t.Context(), "installation/default")
		if err != nil || strings.Contains(string(stored.Value), "stranger") {
			t.Errorf("old removals are left: %s, %v", stored.Value, err)
		}
	})
}

func TestARefusedAuthorizationIsRevokedAtZoom(t *testing.T) {
	notAdmin := func(t *testing.T, e *env, i *install.Installation) {
		t.Helper()
		e.zoom.SignIn(zoomMember)
		if err := e.authorizeError(t, i, install.VendorZoom); !errors.Is(err, install.ErrNotAdmin) {
			t.Errorf("Authorize = %v", err)
		}
	}
	otherAccount := func(t *testing.T, e *env, i *install.Installation) {
		t.Helper()
		e.zoom.Fault(zoomtest.GetUser, zoomtest.Answer(200, `{"id":"u","account_id":"ELSEWHERE","role_id":"0"}`))
		if err := e.authorizeError(t, i, install.VendorZoom); !errors.Is(err, install.ErrOtherAccount) {
			t.Errorf("Authorize = %v", err)
		}
	}
	halfFinished := func(t *testing.T, e *env, i *install.Installation) {
		t.Helper()
		if err := i.Revoke(t.Context(), e.authorize(t, i, install.VendorZoom)); err != nil {
			t.Errorf("Revoke = %v", err)
		}
	}
	tests := []struct {
		name      string
		installed bool // in that account
		refuse    func(*testing.T, *env, *install.Installation)
		revoked   int
	}{
		{"of no administrator", false, notAdmin, 1},
		{"of a half-finished install", false, halfFinished, 1},
		{"of another account, whatever is installed", true, otherAccount, 1},
		{"but of no administrator of the account that is installed", true, notAdmin, 0},
		{"but of a half-finished install of the account that is installed", true, halfFinished, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run(t, func(t *testing.T, e *env) {
				i := e.process(t, e.store)
				if tt.installed {
					e.install(t, i)
				}
				tt.refuse(t, e, i)
				if got := len(e.zoom.Requests(zoomtest.RevokeToken)); got != tt.revoked {
					t.Errorf("%d revokes, want %d", got, tt.revoked)
				}
				if tt.installed {
					_, zoomErr := i.Zoom().User(t.Context(), zoom.Me)
					_, pdErr := i.PagerDuty().CurrentUser(t.Context())
					if err := errors.Join(zoomErr, pdErr); err != nil {
						t.Errorf("the installation does not work any more: %v", err)
					}
					return
				}
				e.zoom.SignIn(zoomAdmin)
				pass(time.Second)
				e.install(t, i) // a later consent is good
			})
		})
	}
}

func TestARevokeDelaysNobody(t *testing.T) {
	tests := []struct {
		name  string
		fault zoomtest.Fault
	}{
		{"Zoom hangs", zoomtest.Hang().Always()},
		{"Zoom is down", zoomtest.Answer(503, "").Always()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run(t, func(t *testing.T, e *env) {
				i := e.process(t, e.store)
				e.zoom.SignIn(zoomMember)
				code := e.code(t, i, install.VendorZoom)
				e.zoom.Fault(zoomtest.RevokeToken, tt.fault)
				began := time.Now()
				_, err := i.Authorize(t.Context(), install.VendorZoom, code, verifier)
				if !errors.Is(err, install.ErrNotAdmin) {
					t.Errorf("Authorize = %v, want why it is refused", err)
				}
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("the page waited %v", took)
				}
			})
		})
	}
}

// Two installs of one account side by side: what ends one at Zoom ends the other there,
// so that must not be confirmed.
func TestARevokeRefusesAnotherInstallThatItEnds(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		i := e.process(t, e.store)
		given, up := e.authorize(t, i, install.VendorZoom), e.authorize(t, i, install.VendorZoom)
		pass(time.Second)
		if err := i.Revoke(t.Context(), up); err != nil {
			t.Fatal(err)
		}
		_, err := i.Install(t.Context(), given, e.authorize(t, i, install.VendorPagerDuty))
		if !errors.Is(err, install.ErrNotInstalled) {
			t.Errorf("Install = %v", err)
		}
	})
}

func TestNothingIsRevokedWhileAnInstallIsWritten(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		other := e.process(t, e.store)
		late := e.authorize(t, other, install.VendorZoom)
		i := e.process(t, beforePut(e.store, func(key string) error {
			if key == "grant/default/pagerduty" {
				return other.Revoke(t.Context(), late)
			}
			return nil
		}))
		e.install(t, i)
		if got := len(e.zoom.Requests(zoomtest.RevokeToken)); got > 0 {
			t.Errorf("%d revokes", got)
		}
	})
}

package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// Zoom's consent came, PagerDuty's has not yet, and the app is removed at Zoom: what would be installed is dead.
func TestARemovalDuringAnInstallRefusesIt(t *testing.T) {
	removal := func(app string) func(time.Time) bridge.Deauthorization {
		return func(at time.Time) bridge.Deauthorization {
			return bridge.Deauthorization{ClientID: app, AccountID: "ACCOUNT", At: at.Add(time.Second)}
		}
	}
	tests := []struct {
		name   string
		before bool // an installation stands already
		told   func(consentAt time.Time) bridge.Deauthorization
		after  time.Duration // from the removal until the install goes on
		want   error
	}{
		{"of a first install", false, removal(zoomApp), time.Minute, bridge.ErrNotInstalled},
		{"of a first install, which takes as long as may be", false, removal(zoomApp), 20 * time.Minute, bridge.ErrNotInstalled},
		{"of an install that replaces another", true, removal(zoomApp), time.Minute, bridge.ErrNotInstalled},
		{"told in whole seconds", false, func(at time.Time) bridge.Deauthorization {
			return bridge.Deauthorization{ClientID: zoomApp, AccountID: "ACCOUNT", At: at.Truncate(time.Second)}
		}, time.Minute, bridge.ErrNotInstalled},
		{"but not one before the consent", false, func(at time.Time) bridge.Deauthorization {
			return bridge.Deauthorization{ClientID: zoomApp, AccountID: "ACCOUNT", At: at.Add(-time.Millisecond)}
		}, time.Minute, nil},
		{"but not one of another app", false, removal("another-app"), time.Minute, nil},
		{"but not one of another account", false, func(at time.Time) bridge.Deauthorization {
			return bridge.Deauthorization{ClientID: zoomApp, AccountID: "OTHER", At: at.Add(time.Second)}
		}, time.Minute, nil},
		{"but not one of nobody's", false, func(at time.Time) bridge.Deauthorization {
			return bridge.Deauthorization{ClientID: zoomApp, At: at.Add(time.Second)}
		}, time.Minute, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				pass(123 * time.Millisecond) // not on a whole second
				o := newOffice(w)
				i, other := o.installation(t, w.store), o.installation(t, w.store)
				if tt.before {
					o.install(t, i)
					pass(time.Minute)
				}
				atZoom, consentAt := o.consent(t, i, bridge.VendorZoom), time.Now()
				pass(2 * time.Second)
				uninstall(t, other, tt.told(consentAt)) // another process hears of it
				pass(tt.after)
				_, err := i.Install(t.Context(), atZoom, o.consent(t, i, bridge.VendorPagerDuty))
				if !errors.Is(err, tt.want) {
					t.Fatalf("Install = %v, want %v", err, tt.want)
				}
				if tt.want != nil {
					_, err := i.Current(t.Context())
					if !errors.Is(err, bridge.ErrNotInstalled) {
						t.Errorf("Current = %v", err)
					}
					o.install(t, i) // a new consent is good
				}
			})
		})
	}
}

func TestARemovalWhileAFirstInstallIsWrittenRefusesIt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		other := o.installation(t, w.store)
		told := false
		i := o.installation(t, foretold{w.store, func(_ context.Context, key string) error {
			if key == "grant/default/pagerduty" && !told {
				told = true
				pass(time.Second)
				uninstall(t, other, removed())
			}
			return nil
		}})
		consents := []*bridge.Consent{o.consent(t, i, bridge.VendorZoom), o.consent(t, i, bridge.VendorPagerDuty)}
		if _, err := i.Install(t.Context(), consents...); !errors.Is(err, bridge.ErrNotInstalled) {
			t.Errorf("Install = %v", err)
		}
		o.wantNoGrants(t)
	})
}

// A removal whose time is ahead of our clock does not refuse what is agreed to after it came in.
func TestARemovalFromTheFutureRefusesNoLaterInstall(t *testing.T) {
	for name, stands := range map[string]bool{"a first install": false, "an install again": true} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				o := newOffice(w)
				i := o.installation(t, w.store)
				if stands {
					o.install(t, i)
				}
				pass(time.Second)
				uninstall(t, i, bridge.Deauthorization{ClientID: zoomApp, AccountID: "ACCOUNT", At: time.Now().Add(20 * time.Second)})
				pass(time.Second)
				o.install(t, i)
			})
		})
	}
}

// Zoom tells of the removals of every account that has the app.
func TestRemovalsOfStrangersDoNotFillTheStore(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		i := o.installation(t, w.store)
		for n := range 500 {
			uninstall(t, i, bridge.Deauthorization{ClientID: zoomApp, AccountID: fmt.Sprintf("stranger-%d", n), At: time.Now()})
			pass(time.Millisecond)
		}
		stored, err := w.store.Get(t.Context(), "installation/default")
		if err != nil {
			t.Fatal(err)
		}
		if len(stored.Value) > 4096 {
			t.Errorf("the record has %d bytes", len(stored.Value))
		}
		if left := time.Until(stored.ExpiresAt); left <= 0 || left > 2*time.Hour {
			t.Errorf("the record goes in %v", left)
		}
		o.install(t, i)
		pass(2 * time.Hour)
		uninstall(t, i, removed())
		stored, err = w.store.Get(t.Context(), "installation/default")
		if err != nil || strings.Contains(string(stored.Value), "stranger") {
			t.Errorf("old removals are left: %s, %v", stored.Value, err)
		}
	})
}

func TestARefusedConsentIsRevokedAtZoom(t *testing.T) {
	notAdmin := func(t *testing.T, o office, i *bridge.Installation) {
		t.Helper()
		o.zoom.SignIn(host)
		if _, err := i.Consent(t.Context(), bridge.VendorZoom, o.code(t, i, bridge.VendorZoom), verifier); !errors.Is(err, bridge.ErrNotAdmin) {
			t.Errorf("Consent = %v", err)
		}
	}
	otherAccount := func(t *testing.T, o office, i *bridge.Installation) {
		t.Helper()
		o.zoom.Fault(zoomtest.GetUser, zoomtest.Answer(200, `{"id":"u","account_id":"ELSEWHERE","role_id":"0"}`))
		if _, err := i.Consent(t.Context(), bridge.VendorZoom, o.code(t, i, bridge.VendorZoom), verifier); !errors.Is(err, bridge.ErrOtherAccount) {
			t.Errorf("Consent = %v", err)
		}
	}
	halfFinished := func(t *testing.T, o office, i *bridge.Installation) {
		t.Helper()
		if err := i.Discard(t.Context(), o.consent(t, i, bridge.VendorZoom)); err != nil {
			t.Errorf("Discard = %v", err)
		}
	}
	tests := []struct {
		name    string
		stands  bool // an installation of the account
		refuse  func(*testing.T, office, *bridge.Installation)
		revoked int
	}{
		{"of no administrator", false, notAdmin, 1},
		{"of a half-finished install", false, halfFinished, 1},
		{"of another account, whatever stands", true, otherAccount, 1},
		{"but of no administrator of the account that is installed", true, notAdmin, 0},
		{"but of a half-finished install of the account that is installed", true, halfFinished, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				o := newOffice(w)
				i := o.installation(t, w.store)
				if tt.stands {
					o.install(t, i)
				}
				tt.refuse(t, o, i)
				if got := len(w.zoom.Requests(zoomtest.RevokeToken)); got != tt.revoked {
					t.Errorf("%d revokes, want %d", got, tt.revoked)
				}
				if tt.stands {
					_, zoomErr := i.Zoom().User(t.Context(), zoom.Me)
					_, pdErr := i.PagerDuty().CurrentUser(t.Context())
					if err := errors.Join(zoomErr, pdErr); err != nil {
						t.Errorf("what stands does not serve any more: %v", err)
					}
					return
				}
				o.zoom.SignIn(zoomBoss)
				pass(time.Second)
				o.install(t, i) // a later consent is good
			})
		})
	}
}

func TestARevokeIsForNobodyToWaitFor(t *testing.T) {
	tests := []struct {
		name  string
		fault zoomtest.Fault
	}{
		{"Zoom hangs", zoomtest.Hang().Always()},
		{"Zoom is down", zoomtest.Answer(503, "").Always()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				o := newOffice(w)
				i := o.installation(t, w.store)
				o.zoom.SignIn(host)
				code := o.code(t, i, bridge.VendorZoom)
				w.zoom.Fault(zoomtest.RevokeToken, tt.fault)
				began := time.Now()
				if _, err := i.Consent(t.Context(), bridge.VendorZoom, code, verifier); !errors.Is(err, bridge.ErrNotAdmin) {
					t.Errorf("Consent = %v, want why it is refused", err)
				}
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("the page waited %v", took)
				}
			})
		})
	}
}

// Two installs of one account side by side: what ends one at Zoom ends the other there, so that must not be confirmed.
func TestARevokeRefusesAnotherInstallThatItEnds(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		i := o.installation(t, w.store)
		given, up := o.consent(t, i, bridge.VendorZoom), o.consent(t, i, bridge.VendorZoom)
		pass(time.Second)
		if err := i.Discard(t.Context(), up); err != nil {
			t.Fatal(err)
		}
		_, err := i.Install(t.Context(), given, o.consent(t, i, bridge.VendorPagerDuty))
		if !errors.Is(err, bridge.ErrNotInstalled) {
			t.Errorf("Install = %v", err)
		}
	})
}

func TestNothingIsRevokedWhileAnInstallIsWritten(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		other := o.installation(t, w.store)
		late := o.consent(t, other, bridge.VendorZoom)
		i := o.installation(t, foretold{w.store, func(_ context.Context, key string) error {
			if key == "grant/default/pagerduty" {
				return other.Discard(context.Background(), late)
			}
			return nil
		}})
		o.install(t, i)
		if got := len(w.zoom.Requests(zoomtest.RevokeToken)); got > 0 {
			t.Errorf("%d revokes", got)
		}
	})
}

package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
)

// Vendor is one of the two whose consent an installation may need.
type Vendor string

// The vendors.
const (
	VendorZoom      Vendor = "zoom"
	VendorPagerDuty Vendor = "pagerduty"
)

// Installation keeps what comes of an administrator's consent: who installed the app and when, the grants of both vendors,
// and what was set up at PagerDuty. It is one record in the store, and one for each grant. The store must be a sealed one:
// the records hold tokens and secrets.
//
// All methods may be called by any number of goroutines, and any number of processes may share the store. Errors are
// *Error; those of a vendor stay visible to errors.Is.
type Installation struct {
	store     tokenstore.Store
	key       string
	clientID  string // of the app at Zoom
	apps      []app  // in the order in which an install asks them
	zoom      *zoom.Client
	pagerDuty *pagerduty.Client

	mu       sync.Mutex
	watchers []func(context.Context, Vendor, tokenstore.Refresh)
}

// app is the app at one vendor, and the grant of whoever installed it.
type app struct {
	vendor Vendor
	consentApp
	grant  *tokenstore.TokenSource
	who    func(context.Context, *oauth2.Token) (Account, error) // with an error too, as far as it is known
	revoke func(context.Context, *oauth2.Token) error            // nil: the vendor has none
}

type consentApp interface {
	AuthCodeURL(state, verifier string) string
	Exchange(ctx context.Context, code, verifier string) (*oauth2.Token, error)
	Refresh(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error)
}

// theInstallation is the only one that a process serves. It is part of every key, so that more would be no migration.
const theInstallation = "default"

// lateAnswer is how long an answer of PagerDuty's token endpoint may be under way. Whether PagerDuty ends a grant whose
// refresh token comes twice is not known, so an unanswered one is not sent again before.
const lateAnswer = 30 * time.Second

// InstallationOption says which vendors' apps are installed by consent. A vendor without one has credentials of its own.
type InstallationOption func(*Installation) error

// InstallZoom has an administrator of the Zoom account install this app. The options are those of zoom.NewClient.
func InstallZoom(oauth *zoom.OAuth, opts ...zoom.Option) InstallationOption {
	return func(i *Installation) error {
		if oauth == nil {
			return errors.New("bridge: InstallZoom: nil app")
		}
		grant, err := i.addApp(VendorZoom, oauth, func(ctx context.Context, token *oauth2.Token) (Account, error) {
			return zoomAccount(ctx, token, opts)
		})
		if err != nil {
			return err
		}
		i.clientID, i.app(VendorZoom).revoke = oauth.ClientID(), oauth.Revoke
		i.zoom, err = zoom.NewClient(grant, opts...)
		return err
	}
}

// InstallPagerDuty has an Admin or the Account Owner of the PagerDuty account install this app. The options are those of
// pagerduty.NewClient; WithScopes says which scopes the grant should have, by default RunScopes and SetUpScopes.
func InstallPagerDuty(oauth *pagerduty.OAuth, opts ...pagerduty.Option) InstallationOption {
	return func(i *Installation) error {
		if oauth == nil {
			return errors.New("bridge: InstallPagerDuty: nil app")
		}
		scopes := append(pagerduty.RunScopes(), pagerduty.SetUpScopes()...)
		opts := append([]pagerduty.Option{pagerduty.WithScopes(scopes...)}, opts...)
		who := func(ctx context.Context, token *oauth2.Token) (Account, error) {
			return pagerDutyAccount(ctx, token, opts)
		}
		grant, err := i.addApp(VendorPagerDuty, oauth, who, tokenstore.WithReuseDetection(lateAnswer))
		if err != nil {
			return err
		}
		i.pagerDuty, err = pagerduty.NewClient(pagerduty.UserToken(grant), opts...)
		return err
	}
}

func (i *Installation) addApp(
	vendor Vendor, oauth consentApp, who func(context.Context, *oauth2.Token) (Account, error), opts ...tokenstore.Option,
) (*tokenstore.TokenSource, error) {
	opts = append(opts, tokenstore.WithObserver(func(ctx context.Context, r tokenstore.Refresh) { i.tell(ctx, vendor, r) }))
	grant, err := tokenstore.NewTokenSource(i.store, "grant/"+theInstallation+"/"+string(vendor), oauth.Refresh, opts...)
	if err != nil {
		return nil, err
	}
	if i.app(vendor) != nil {
		return nil, fmt.Errorf("bridge: the %s app is given twice", vendor)
	}
	i.apps = append(i.apps, app{vendor: vendor, consentApp: oauth, grant: grant, who: who})
	return grant, nil
}

// NewInstallation returns the installation that store holds, if any, of the apps that the options name, at least one. It
// does no I/O.
func NewInstallation(store tokenstore.Store, opts ...InstallationOption) (*Installation, error) {
	if store == nil {
		return nil, errors.New("bridge: NewInstallation: nil store")
	}
	i := &Installation{store: store, key: "installation/" + theInstallation}
	for _, opt := range opts {
		if err := opt(i); err != nil {
			return nil, err
		}
	}
	if len(i.apps) == 0 {
		return nil, errors.New("bridge: NewInstallation: no app is to be installed: use InstallZoom, InstallPagerDuty or both")
	}
	// PagerDuty comes last: its code is good for half a minute only, and Zoom's consent is what an uninstall is measured by.
	slices.SortFunc(i.apps, func(a, b app) int { return strings.Compare(string(b.vendor), string(a.vendor)) })
	return i, nil
}

// Zoom returns the client that calls under the grant of whoever installed the Zoom app; nil without InstallZoom. Its user
// is zoom.Me.
func (i *Installation) Zoom() *zoom.Client { return i.zoom }

// PagerDuty returns the client that calls under the grant of whoever installed the PagerDuty app; nil without
// InstallPagerDuty.
func (i *Installation) PagerDuty() *pagerduty.Client { return i.pagerDuty }

// Vendors lists whose consent an install needs, in the order in which to ask.
func (i *Installation) Vendors() []Vendor {
	vendors := make([]Vendor, len(i.apps))
	for n, a := range i.apps {
		vendors[n] = a.vendor
	}
	return vendors
}

// AuthCodeURL is the vendor's page where an administrator agrees: see OAuth.AuthCodeURL of package zoom or pagerduty. It is
// empty for a vendor that is not among Vendors.
func (i *Installation) AuthCodeURL(vendor Vendor, state, verifier string) string {
	a := i.app(vendor)
	if a == nil {
		return ""
	}
	return a.AuthCodeURL(state, verifier)
}

func (i *Installation) app(vendor Vendor) *app {
	for n := range i.apps {
		if i.apps[n].vendor == vendor {
			return &i.apps[n]
		}
	}
	return nil
}

// Installed is what anybody may know who may see that the app is installed. It holds no secret.
type Installed struct {
	ID        string    // random, of this consent
	At        time.Time // when the first vendor's consent came
	Zoom      *Account  // nil: not installed by consent
	PagerDuty *Account  // nil: not installed by consent
	SetUp     SetUp
}

// Current returns the installation that stands, or ErrNotInstalled.
func (i *Installation) Current(ctx context.Context) (*Installed, error) {
	r, err := i.live(ctx)
	if err != nil {
		return nil, wrap("read the installation", "", err)
	}
	return r.installed(), nil
}

// live reads the record of an installation that stands.
func (i *Installation) live(ctx context.Context) (installation, error) {
	r, _, err := i.read(ctx)
	if err == nil && r.State != installed {
		err = ErrNotInstalled
	}
	return r, err
}

// wait returns when no refresh of a grant is under way in this process, or with ctx's error: one that is cut off costs the
// grant.
func (i *Installation) wait(ctx context.Context) error {
	for _, a := range i.apps {
		if err := a.grant.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

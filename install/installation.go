package install

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
)

// Vendor is a vendor whose app may be installed by consent.
type Vendor string

// The vendors.
const (
	VendorZoom      Vendor = "zoom"
	VendorPagerDuty Vendor = "pagerduty"
)

// defaultNamespace names the only installation that a process serves. It is part of every
// key, so that several would need no migration.
const defaultNamespace = "default"

// maxResponseDelay is how long a response of PagerDuty's token endpoint may be under way.
// It is not known whether PagerDuty ends a grant whose refresh token is sent twice, so
// after a refresh without a response the token is not sent again before that time has
// passed.
const maxResponseDelay = 30 * time.Second

// Installation is the app as administrators of both vendors' accounts installed it: who
// did and when, the grants, and what was set up at PagerDuty. All of it is in a store,
// which must be a sealed one (tokenstore.Sealed): the records hold tokens and secrets.
//
// All methods are safe for concurrent use, and any number of processes may share the
// store. Errors are *Error.
type Installation struct {
	records   *recordStore
	now       func() time.Time
	clientID  string      // of the app at Zoom
	apps      []vendorApp // in the order in which an install asks for consent
	zoom      *zoom.Client
	pagerDuty *pagerduty.Client

	mu       sync.Mutex
	handlers []func(ctx context.Context, vendor string, r tokenstore.Refresh)
}

// vendorApp is the app at one vendor, and the grant that an administrator gave it.
type vendorApp struct {
	vendor   Vendor
	oauth    oauthApp
	grant    *tokenstore.TokenSource
	identify identifyFunc
	revoke   func(context.Context, *oauth2.Token) error // nil: the vendor has none
}

// identifyFunc returns the account and administrator of a fresh token. With an error, it
// returns what is known of them.
type identifyFunc func(context.Context, *oauth2.Token) (Account, error)

type oauthApp interface {
	AuthCodeURL(state, verifier string) string
	Exchange(ctx context.Context, code, verifier string) (*oauth2.Token, error)
	Refresh(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error)
}

// Option names an app that is installed by consent, or changes a default.
type Option func(*config) error

type config struct {
	zoom             *zoom.OAuth
	zoomOptions      []zoom.Option
	pagerDuty        *pagerduty.OAuth
	pagerDutyOptions []pagerduty.Option
	now              func() time.Time // the clock of another process, in tests
}

// WithZoom has an administrator of the Zoom account install this app. The options are
// those of zoom.NewClient.
func WithZoom(app *zoom.OAuth, opts ...zoom.Option) Option {
	return func(c *config) error {
		if app == nil {
			return errors.New("install: WithZoom: nil app")
		}
		if c.zoom != nil {
			return errors.New("install: WithZoom: the Zoom app is given twice")
		}
		c.zoom, c.zoomOptions = app, opts
		return nil
	}
}

// WithPagerDuty has an Admin or the Account Owner of the PagerDuty account install this
// app. The options are those of pagerduty.NewClient; pagerduty.WithScopes names the
// scopes that the grant should have, by default RunScopes and SetUpScopes.
func WithPagerDuty(app *pagerduty.OAuth, opts ...pagerduty.Option) Option {
	return func(c *config) error {
		if app == nil {
			return errors.New("install: WithPagerDuty: nil app")
		}
		if c.pagerDuty != nil {
			return errors.New("install: WithPagerDuty: the PagerDuty app is given twice")
		}
		scopes := append(pagerduty.RunScopes(), pagerduty.SetUpScopes()...)
		c.pagerDuty = app
		c.pagerDutyOptions = append([]pagerduty.Option{pagerduty.WithScopes(scopes...)}, opts...)
		return nil
	}
}

// New returns the installation that store holds, if any, of the apps that the options
// name: WithZoom, WithPagerDuty or both. It does no I/O.
func New(store tokenstore.Store, opts ...Option) (*Installation, error) {
	if store == nil {
		return nil, errors.New("install: New: nil store")
	}
	c := config{now: time.Now}
	for _, opt := range opts {
		if err := opt(&c); err != nil {
			return nil, err
		}
	}
	if c.zoom == nil && c.pagerDuty == nil {
		return nil, errors.New("install: New: no app is given: use WithZoom, WithPagerDuty or both")
	}
	i := &Installation{
		records: &recordStore{store: store, key: "installation/" + defaultNamespace, now: c.now},
		now:     c.now,
	}
	if c.zoom != nil {
		if err := i.addZoom(store, c.zoom, c.zoomOptions); err != nil {
			return nil, err
		}
	}
	// PagerDuty is last: its code expires in half a minute, and an uninstall compares
	// with the time of the first consent, which must be Zoom's.
	if c.pagerDuty != nil {
		if err := i.addPagerDuty(store, c.pagerDuty, c.pagerDutyOptions); err != nil {
			return nil, err
		}
	}
	return i, nil
}

func (i *Installation) addZoom(store tokenstore.Store, oauth *zoom.OAuth, opts []zoom.Option) error {
	grant, err := i.newGrant(store, VendorZoom, oauth)
	if err != nil {
		return err
	}
	if i.zoom, err = zoom.NewClient(zoom.UserToken(grant), opts...); err != nil {
		return err
	}
	i.clientID = oauth.ClientID()
	i.apps = append(i.apps, vendorApp{
		vendor: VendorZoom, oauth: oauth, grant: grant, revoke: oauth.Revoke,
		identify: func(ctx context.Context, token *oauth2.Token) (Account, error) {
			return zoomAccount(ctx, token, opts)
		},
	})
	return nil
}

func (i *Installation) addPagerDuty(store tokenstore.Store, oauth *pagerduty.OAuth, opts []pagerduty.Option) error {
	grant, err := i.newGrant(store, VendorPagerDuty, oauth, tokenstore.WithReuseDetection(maxResponseDelay))
	if err != nil {
		return err
	}
	if i.pagerDuty, err = pagerduty.NewClient(pagerduty.UserToken(grant), opts...); err != nil {
		return err
	}
	i.apps = append(i.apps, vendorApp{
		vendor: VendorPagerDuty, oauth: oauth, grant: grant,
		identify: func(ctx context.Context, token *oauth2.Token) (Account, error) {
			return pagerDutyAccount(ctx, token, opts)
		},
	})
	return nil
}

func (i *Installation) newGrant(
	store tokenstore.Store, vendor Vendor, oauth oauthApp, opts ...tokenstore.Option,
) (*tokenstore.TokenSource, error) {
	notify := func(ctx context.Context, r tokenstore.Refresh) { i.notify(ctx, vendor, r) }
	key := "grant/" + defaultNamespace + "/" + string(vendor)
	return tokenstore.NewTokenSource(store, key, oauth.Refresh, append(opts, tokenstore.WithObserver(notify))...)
}

// Zoom returns a client that uses the grant of the installed Zoom app; nil without
// WithZoom. Its user is zoom.Me.
func (i *Installation) Zoom() *zoom.Client { return i.zoom }

// PagerDuty returns a client that uses the grant of the installed PagerDuty app; nil
// without WithPagerDuty.
func (i *Installation) PagerDuty() *pagerduty.Client { return i.pagerDuty }

// Vendors lists the vendors whose consent an install needs, in the order in which to ask.
func (i *Installation) Vendors() []Vendor {
	vendors := make([]Vendor, len(i.apps))
	for n, app := range i.apps {
		vendors[n] = app.vendor
	}
	return vendors
}

// AuthCodeURL is the vendor's page where an administrator consents: see OAuth.AuthCodeURL
// of packages zoom and pagerduty. It is empty for a vendor that is not among Vendors.
func (i *Installation) AuthCodeURL(vendor Vendor, state, verifier string) string {
	app := i.app(vendor)
	if app == nil {
		return ""
	}
	return app.oauth.AuthCodeURL(state, verifier)
}

func (i *Installation) app(vendor Vendor) *vendorApp {
	n := slices.IndexFunc(i.apps, func(app vendorApp) bool { return app.vendor == vendor })
	if n < 0 {
		return nil
	}
	return &i.apps[n]
}

// Current returns the installation, or ErrNotInstalled.
func (i *Installation) Current(ctx context.Context) (*Info, error) {
	r, err := i.records.current(ctx)
	if err != nil {
		return nil, wrap("read installation", err)
	}
	return r.info(), nil
}

// Check returns nil if the app is installed, or else ErrNotInstalled.
func (i *Installation) Check(ctx context.Context) error {
	_, err := i.records.current(ctx)
	return wrap("read installation", err)
}

// Wait returns when this process is refreshing no grant, or with ctx's error. A refresh
// that is cut off may cost the grant.
func (i *Installation) Wait(ctx context.Context) error {
	for _, app := range i.apps {
		if err := app.grant.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Info is an installation as it may be shown. It holds no secret.
type Info struct {
	ID          string    // random, of this install
	InstalledAt time.Time // when the first vendor's consent was given
	Zoom        *Account  // nil: not installed by consent
	PagerDuty   *Account  // nil: not installed by consent
	Setup       SetupStatus
}

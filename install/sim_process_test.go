package install_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/internal/simtest"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
)

// program is a process of the simulation: an Installation with a clock of its own.
type program struct {
	*simtest.Process
	*install.Installation
}

// actor is somebody who wants something of a process.
type actor struct {
	simtest.Actor

	consent *consent // that it installs; nil: none
	lock    string   // the id that it installs it under, once it is known
	stored  bool     // the record has said that this is installed
	removal *removal // that it reports; nil: none
	info    *install.Info
	err     error
}

// consent is what an administrator agreed to at Zoom.
type consent struct {
	at            time.Time
	authorization *install.Authorization
}

type actorKey struct{}

func actorOf(ctx context.Context) *actor {
	by, ok := ctx.Value(actorKey{}).(*actor)
	if !ok {
		panic("a call is made for nobody")
	}
	return by
}

// boot starts a process on what the last one left.
func (s *simulation) boot() *program {
	s.T.Helper()
	p := &program{Process: s.NewProcess()}
	skew := s.Between(-maxSkew/2, maxSkew/2)
	id, secret := s.zoom.AppCredentials()
	atZoom := s.transport("zoom", s.zoom.Transport())
	zoomOAuth, err := zoom.NewOAuth(id, secret, "https://bridge.example.com/oauth/zoom/callback",
		zoom.WithTransport(atZoom))
	if err != nil {
		s.T.Fatal(err)
	}
	id, secret, _ = s.pd.Credentials()
	atPagerDuty := s.transport("pagerduty", s.pd.Transport())
	scopes := append(pagerduty.RunScopes(), pagerduty.SetUpScopes()...)
	pagerDutyOAuth, err := pagerduty.NewOAuth(id, secret, "https://bridge.example.com/oauth/pagerduty/callback",
		pagerduty.WithTransport(atPagerDuty), pagerduty.WithScopes(scopes...))
	if err != nil {
		s.T.Fatal(err)
	}
	p.Installation, err = install.New(s.storeOf(),
		install.WithZoom(zoomOAuth, zoom.WithTransport(atZoom)),
		install.WithPagerDuty(pagerDutyOAuth, pagerduty.WithTransport(atPagerDuty)),
		install.WithClock(func() time.Time { return time.Now().Add(skew) }))
	if err != nil {
		s.T.Fatal(err)
	}
	s.programs = append(s.programs, p)
	s.Trace("%s starts, its clock %v off", p.Name, skew.Round(time.Millisecond))
	return p
}

// living are the processes that were not killed.
func (s *simulation) living() []*program {
	return slices.DeleteFunc(slices.Clone(s.programs), func(p *program) bool { return p.IsDead() })
}

// storeOf is the store as a process sees it.
func (s *simulation) storeOf() tokenstore.Store {
	return simtest.Store{
		Sim: s.Sim, Shared: s.store,
		Actor: func(ctx context.Context) *simtest.Actor { return &actorOf(ctx).Actor },
		Describe: func(ctx context.Context, c *simtest.Call, r tokenstore.Record) {
			c.LateBound = lateBound
			if c.Op != "put" {
				return
			}
			c.Weight = 25
			now := s.read(c.Key)
			e := written{by: actorOf(ctx), was: now, is: viewRecord(r)}
			c.Step = e.step()
			s.happened(sent{e})
		},
		Written: func(ctx context.Context, before, now tokenstore.Record) {
			e := written{by: actorOf(ctx), was: viewRecord(before), is: viewRecord(now)}
			s.Trace("%s writes %s", e.by.Name, e.is)
			s.happened(e)
		},
		Summary: func(r tokenstore.Record) string { return viewRecord(r).String() },
	}
}

// transport is the way of a process to a vendor. What identifies an administrator is
// answered at once: it changes nothing that the processes share.
func (s *simulation) transport(vendor string, next http.RoundTripper) http.RoundTripper {
	return vendorTransport{next, simtest.Transport{
		Sim: s.Sim, Next: next,
		Describe: func(r *http.Request, _ []byte) (*simtest.Call, func(simtest.Response)) {
			by := actorOf(r.Context())
			c := &simtest.Call{
				By: &by.Actor, Op: vendor + " " + r.Method, Key: r.URL.Path, Changes: r.Method != http.MethodGet,
			}
			if c.Changes {
				c.Weight = 40 // it is rare
			}
			switch {
			case strings.HasSuffix(r.URL.Path, "/revoke"):
				c.Step = vendor + " revoke"
				return c, func(simtest.Response) { s.happened(revoked{by}) }
			case r.Method == http.MethodPost:
				c.Step = vendor + " create"
			case r.Method == http.MethodDelete:
				c.Step = vendor + " delete"
			default:
				c.Step = vendor + " read"
			}
			return c, nil
		},
	}}
}

type vendorTransport struct {
	direct http.RoundTripper
	gate   http.RoundTripper
}

func (t vendorTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	for _, gated := range []string{"/revoke", "subscriptions", "extension"} {
		if strings.Contains(r.URL.Path, gated) {
			return t.gate.RoundTrip(r)
		}
	}
	return t.direct.RoundTrip(r)
}

// act lets somebody do something in a process. The patience is never a round number, so
// that it does not end at the same moment as a time limit of the code.
func (s *simulation) act(p *program, a *actor, patience time.Duration, do func(context.Context) (report func())) {
	patience += s.Between(time.Millisecond, 300*time.Millisecond)
	s.Start(p.Process, &a.Actor, patience, func(ctx context.Context) func() {
		report := do(context.WithValue(ctx, actorKey{}, a))
		return func() {
			s.Trace("%s ends: %v", a.Name, a.err)
			report()
			s.happened(told{a})
		}
	})
	s.Trace("%s begins", a.Name)
}

// authorize is a consent at Zoom.
func (s *simulation) authorize(p *program) {
	a := &actor{Actor: simtest.Actor{Name: "authorizes "}}
	code, at := s.code(p, install.VendorZoom), time.Now()
	s.act(p, a, 20*time.Second, func(ctx context.Context) func() {
		var granted *install.Authorization
		granted, a.err = p.Authorize(ctx, install.VendorZoom, code, verifier)
		return func() {
			if a.err == nil {
				s.consents = append(s.consents, &consent{at: at, authorization: granted})
			}
		}
	})
}

// The names of actors that others look for.
const (
	installs   = "installs "
	maintains  = "maintains "
	uninstalls = "uninstalls "
	checks     = "checks "
)

func isInstaller(a *simtest.Actor) bool { return strings.Contains(a.Name, installs) }

// install is the consent at PagerDuty that follows, and the end of the flow.
func (s *simulation) install(p *program) {
	c := s.takeConsent()
	if time.Since(c.at) > consentLife {
		return
	}
	a := &actor{Actor: simtest.Actor{Name: installs}, consent: c}
	code := s.code(p, install.VendorPagerDuty)
	little, much := s.Between(time.Second, 6*time.Second), s.Between(6*time.Second, 40*time.Second)
	patience := simtest.Pick(s.Sim, little, much)
	s.act(p, a, patience, func(ctx context.Context) func() {
		a.info, a.err = runInstall(ctx, p, c.authorization, code)
		return func() {
			if a.info == nil {
				s.failed = true
			}
		}
	})
}

// runInstall does what the pages of the install flow do.
func runInstall(ctx context.Context, p *program, atZoom *install.Authorization, code string) (*install.Info, error) {
	atPagerDuty, err := p.Authorize(ctx, install.VendorPagerDuty, code, verifier)
	if err != nil {
		return nil, errors.Join(err, p.Revoke(ctx, atZoom))
	}
	info, err := p.Install(ctx, atZoom, atPagerDuty)
	if err != nil {
		return nil, errors.Join(err, p.Revoke(ctx, atZoom, atPagerDuty))
	}
	_, err = p.Setup(ctx, setupRequest())
	return info, err
}

func setupRequest() install.SetupRequest {
	return install.SetupRequest{
		WebhookURL: webhookURL, Events: []string{"incident.resolved"},
		ActionURL: actionURL, Services: []string{service},
	}
}

func (s *simulation) setup(p *program) {
	a := &actor{Actor: simtest.Actor{Name: "sets up "}}
	s.act(p, a, time.Minute, func(ctx context.Context) func() {
		_, a.err = p.Setup(ctx, setupRequest())
		return func() {}
	})
}

// giveUp is a consent at Zoom that is not going to be installed.
func (s *simulation) giveUp(p *program) {
	c := s.takeConsent()
	a := &actor{Actor: simtest.Actor{Name: "gives up "}}
	s.act(p, a, 10*time.Second, func(ctx context.Context) func() {
		a.err = p.Revoke(ctx, c.authorization)
		return func() {}
	})
}

// uninstall is Zoom's report of a removal.
func (s *simulation) uninstall(p *program, r *removal) {
	a := &actor{Actor: simtest.Actor{Name: uninstalls}, removal: r}
	s.act(p, a, 2400*time.Millisecond, func(ctx context.Context) func() {
		_, ok, err := p.Uninstall(ctx, r.reported)
		a.err = err
		return func() { r.accepted = r.accepted || ok || err == nil }
	})
}

func (s *simulation) maintain(p *program) {
	s.failed = false
	a := &actor{Actor: simtest.Actor{Name: maintains}}
	s.act(p, a, 8*time.Second, func(ctx context.Context) func() {
		a.err = p.Maintain(ctx)
		return func() {}
	})
}

func (s *simulation) check(p *program) {
	a := &actor{Actor: simtest.Actor{Name: checks}}
	s.act(p, a, 5*time.Second, func(ctx context.Context) func() {
		a.err = p.Check(ctx)
		return func() {}
	})
}

func get(t *testing.T, address string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

package tokenstore_test

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/simtest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// rateLimited is an answer of the vendor: too many requests.
const rateLimited simtest.Fault = "rateLimited"

// program is a process of the simulation: a token source with a memory of its own.
type program struct {
	*simtest.Process
	*tokenstore.TokenSource

	newest     *oauth2.Token  // that a caller got last
	refused    string         // the access token that was refused last
	refusedAt  simtest.Moment // when
	unanswered unanswered     // refreshes of its current lease
	shown      []grantView    // what the answers of the store in this step say
	shownAt    int            // the step
}

// actor is somebody who wants something of a process.
type actor struct {
	simtest.Actor

	program    *program
	consent    *consent // that is to be saved; nil: none
	uninstalls string
	token      *oauth2.Token
	err        error
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
	var (
		mu     sync.Mutex
		jitter = s.Rand()
	)
	options := []tokenstore.Option{
		tokenstore.WithKeepAlive(accessLife / 2),
		tokenstore.WithJitter(func(about time.Duration) time.Duration {
			mu.Lock()
			defer mu.Unlock()
			return about/2 + time.Duration(jitter.Int64N(int64(about)))
		}),
	}
	if s.vendor.detectsReuse {
		options = append(options, tokenstore.WithReuseDetection(lateBound))
	}
	var err error
	p.TokenSource, err = tokenstore.NewTokenSource(s.storeOf(p), key, s.refreshOf(p), options...)
	if err != nil {
		s.T.Fatal(err)
	}
	s.programs = append(s.programs, p)
	s.Trace("%s starts", p.Name)
	return p
}

// living are the processes that were not killed.
func (s *simulation) living() []*program {
	return slices.DeleteFunc(slices.Clone(s.programs), func(p *program) bool { return p.IsDead() })
}

// storeOf is the store as a process sees it.
func (s *simulation) storeOf(p *program) tokenstore.Store {
	return simtest.Store{
		Sim: s.Sim, Shared: s.store, Crash: runtime.Goexit, // a save repeats until it succeeds, or its process ends
		Actor: func(ctx context.Context) *simtest.Actor { return &actorOf(ctx).Actor },
		Describe: func(ctx context.Context, c *simtest.Call, r tokenstore.Record) {
			c.TakesLateAnswer = true
			if c.Op == "put" {
				c.Step = writeOf(actorOf(ctx), viewGrant(r)).step()
			}
		},
		Written: func(ctx context.Context, before, now tokenstore.Record) {
			s.happened(committed{by: actorOf(ctx), was: viewGrant(before), is: viewGrant(now)})
		},
		Answered: func(_ context.Context, r tokenstore.Record) { s.shows(p, viewGrant(r)) },
	}
}

// refreshOf is the way of a process to the vendor.
func (s *simulation) refreshOf(p *program) tokenstore.RefreshFunc {
	return func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
		var spent *exchange
		until := s.sends(p, old.RefreshToken)
		c := &simtest.Call{
			By: &actorOf(ctx).Actor, Op: "refresh", Step: "vendor refresh", Ctx: ctx, Vendor: true, Changes: true,
			Faults: []simtest.Fault{rateLimited}, TakesLateAnswer: true,
		}
		if s.vendor.detectsReuse {
			c.LateBound = lateBound
		}
		c.Faulted = func(simtest.Fault) { s.loses(spent) }
		a := simtest.Send(s.Sim, c, func() (a vendorAnswer) {
			s.happened(arrived{by: p, token: old.RefreshToken, isLate: c.Abandoned() || !time.Now().Before(until)})
			a.token, spent, a.err = s.vendor.refresh(p, old.RefreshToken, until)
			if c.Abandoned() {
				s.loses(spent)
			}
			return a
		}, func(f simtest.Fault) vendorAnswer { return vendorAnswer{err: brokenRefresh(ctx, f)} })
		s.hears(p, a.err)
		return a.token, a.err
	}
}

type vendorAnswer struct {
	token *oauth2.Token
	err   error
}

func (a vendorAnswer) String() string {
	if a.err != nil {
		return a.err.Error()
	}
	return a.token.RefreshToken
}

// brokenRefresh is what a source sees of a fault.
func brokenRefresh(ctx context.Context, f simtest.Fault) error {
	switch f {
	case simtest.Crash:
		runtime.Goexit()
		return nil
	case simtest.Hang:
		return context.Cause(ctx)
	case simtest.Unreachable:
		return unsent{}
	case simtest.Fails, simtest.FailsAfter:
		return vendorError(http.StatusBadGateway, "")
	case rateLimited:
		return vendorError(http.StatusTooManyRequests, "slow_down")
	default:
		return errLost
	}
}

// act lets somebody do something in a process.
func (s *simulation) act(
	p *program, a *actor, patience time.Duration, do func(context.Context) (*oauth2.Token, error),
) *actor {
	a.program = p
	s.Start(p.Process, &a.Actor, patience, func(ctx context.Context) func() {
		token, err := do(context.WithValue(ctx, actorKey{}, a))
		return func() {
			a.token, a.err = token, err
			s.Trace("%s ends: %v", a.Name, err)
			s.happened(told{a})
		}
	})
	s.Trace("%s begins", a.Name)
	return a
}

func (s *simulation) ask(p *program, patience time.Duration) *actor {
	return s.act(p, &actor{Actor: simtest.Actor{Name: "asks "}}, patience, p.Token)
}

func (s *simulation) keepAlive(p *program) {
	a, patience := &actor{Actor: simtest.Actor{Name: "keeps alive "}}, s.Between(time.Second, 30*time.Second)
	s.act(p, a, patience, func(ctx context.Context) (*oauth2.Token, error) { return nil, p.KeepAlive(ctx) })
}

const installs = "installs "

func isInstaller(a *simtest.Actor) bool { return strings.Contains(a.Name, installs) }

// install is a new consent, which a process saves.
func (s *simulation) install(p *program) {
	c, token := s.vendor.agree()
	a := &actor{Actor: simtest.Actor{Name: installs}, consent: c}
	s.act(p, a, s.Between(5*time.Second, time.Minute), func(ctx context.Context) (*oauth2.Token, error) {
		return nil, p.Save(ctx, c.installation, token)
	})
}

// uninstall is the removal of the app: the vendor ends the grant and tells of it, late or
// twice too. It tells of nothing that is not saved yet.
func (s *simulation) uninstall(p *program) {
	c := simtest.Pick(s.Sim, s.vendor.consents...)
	if !c.stored {
		return
	}
	c.alive = false
	a := &actor{Actor: simtest.Actor{Name: "uninstalls "}, uninstalls: c.installation}
	s.act(p, a, s.Between(5*time.Second, time.Minute), func(ctx context.Context) (*oauth2.Token, error) {
		return nil, p.Uninstall(ctx, c.installation)
	})
}

// revoke lets the vendor end the newest grant.
func (s *simulation) revoke() {
	c := s.vendor.consents[len(s.vendor.consents)-1]
	c.alive = false
	s.Trace("the vendor revokes %s", c.installation)
}

// invalidate tells a process that the vendor refused its newest access token.
func (s *simulation) invalidate(p *program) {
	s.Trace("%s hears that %s is refused", p.Name, p.newest.AccessToken)
	p.refused, p.refusedAt = p.newest.AccessToken, s.Now()
	p.Invalidate(context.Background(), p.newest)
	p.newest = nil
}

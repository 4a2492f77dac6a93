package tokenstore_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// call is one message of a process to the store or to the vendor. It waits at the gate until the driver lets it on: before
// it is processed, and before its answer arrives.
type call struct {
	by        *program
	name      string // who, what and which time: the same in every run of a seed
	kind      string // for coverage: "get", "refresh", or what a put writes
	sent      time.Time
	processed bool
	stuck     bool // its sender has to give up
	astray    bool // its sender has given up
	changes   bool // it is more than a question

	do     func() reply
	reply  reply
	broken error // what its sender sees when the message is lost
	arrive chan reply
	spent  *exchange // what a refresh led to
}

// reply is an answer of either.
type reply struct {
	record  tokenstore.Record
	version string
	token   *oauth2.Token
	err     error
}

var errDown = errors.New("the store is down")

// cross carries a call through the gate. It runs in a goroutine of the process, which ends there when the process is killed.
func (s *simulation) cross(ctx context.Context, c *call) reply {
	s.enter(ctx, c)
	select {
	case r, alive := <-c.arrive:
		return orDie(r, alive)
	case <-ctx.Done():
	}
	if s.isFrozen(c.by) { // it sees no deadline pass
		r, alive := <-c.arrive
		return orDie(r, alive)
	}
	s.leave(c)
	return reply{err: ctx.Err()}
}

func orDie(r reply, alive bool) reply {
	if !alive {
		runtime.Goexit()
	}
	return r
}

func (s *simulation) enter(ctx context.Context, c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.by.dead {
		runtime.Goexit()
	}
	id := fmt.Sprintf("%s %s", actorOf(ctx), c.kind)
	s.times[id]++
	c.name, c.sent, c.arrive = fmt.Sprintf("%s #%d", id, s.times[id]), time.Now(), make(chan reply, 1)
	s.parked = append(s.parked, c)
}

func (s *simulation) isFrozen(p *program) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return p.frozen
}

// leave takes away a call whose sender gave up. What was not processed by then may be, later.
func (s *simulation) leave(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cells["hang "+c.kind]++
	s.forsake(c)
}

// forsake is called with the lock held.
func (s *simulation) forsake(c *call) {
	s.parked = slices.DeleteFunc(s.parked, func(p *call) bool { return p == c })
	if c.spent != nil {
		c.spent.unheard = true
	}
	if c.changes && !c.processed {
		s.late = append(s.late, c)
	}
}

// waiting are the calls that the driver may let on, in an order that does not depend on how goroutines ran.
func (s *simulation) waiting() []*call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return inOrder(slices.DeleteFunc(slices.Clone(s.parked), func(c *call) bool {
		return c.stuck || c.by.frozen && c.processed
	}))
}

func inOrder(calls []*call) []*call {
	slices.SortFunc(calls, func(a, b *call) int { return cmp.Compare(a.name, b.name) })
	return calls
}

// finish lets the sender have the answer.
func (s *simulation) finish(c *call, r reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parked = slices.DeleteFunc(s.parked, func(p *call) bool { return p == c })
	c.arrive <- r
}

// gatedStore is the store that all processes share, seen from one of them.
type gatedStore struct {
	*simulation

	program *program
}

func (g gatedStore) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	r := g.cross(ctx, &call{by: g.program, kind: "get", broken: errDown, do: func() (r reply) {
		r.record, r.err = g.store.Get(context.Background(), key)
		return r
	}})
	return r.record, r.err
}

func (g gatedStore) Put(ctx context.Context, key string, record tokenstore.Record) (string, error) {
	by, next := actorOf(ctx), readSheet(record)
	r := g.cross(ctx, &call{by: g.program, kind: next.kind(by), changes: true, broken: errDown, do: func() (r reply) {
		before := g.sheet()
		r.version, r.err = g.store.Put(context.Background(), key, record)
		if r.err == nil {
			g.committed(g.program, by, before, next)
		}
		return r
	}})
	return r.version, r.err
}

func (g gatedStore) Delete(context.Context, string, string) error { return errors.ErrUnsupported }

func (g gatedStore) Due(context.Context, string, time.Time, string, int) ([]string, string, error) {
	return nil, "", errors.ErrUnsupported
}

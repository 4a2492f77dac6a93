package bridge

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/detach"
)

// peopleKept is how long a person's roles and e-mail are remembered.
const peopleKept = time.Minute

// people knows requesters, and what their teams make of them.
type people struct {
	persons reads[Requester, *Person]
	roles   reads[membership, Role]
}

// membership is a person's in a team, if they are in it.
type membership struct{ teamID, personID string }

func newPeople(i Incidents) *people {
	return &people{
		persons: reads[Requester, *Person]{read: i.Person},
		roles: reads[membership, Role]{read: func(ctx context.Context, m membership) (Role, error) {
			return i.TeamRole(ctx, m.teamID, m.personID)
		}},
	}
}

// person returns who the requester is.
func (p *people) person(ctx context.Context, r Requester) (*Person, error) {
	r.Email = strings.ToLower(r.Email)
	return p.persons.get(ctx, r)
}

// raised says whether one of the teams makes the person a responder. All are asked at once, and one that does is enough;
// else a team that cannot be read makes a fault of it, not a no.
func (p *people) raised(ctx context.Context, teamIDs []string, personID string) (bool, error) {
	var asked []func(context.Context) (Role, error)
	for _, id := range teamIDs {
		asked = append(asked, async(ctx, func(ctx context.Context) (Role, error) {
			return p.roles.get(ctx, membership{id, personID})
		}))
	}
	var faults []error
	for _, answer := range asked {
		role, err := answer(ctx)
		if err == nil && role == RoleResponder {
			return true, nil
		}
		faults = append(faults, err)
	}
	return false, errors.Join(faults...)
}

// reads makes each read once at a time, and remembers its answer for a minute. The zero value but for read is ready.
type reads[K comparable, V any] struct {
	read func(context.Context, K) (V, error)

	mu    sync.Mutex
	known map[K]*reading[V]
}

type reading[V any] struct {
	done  chan struct{}
	value V
	err   error
	until time.Time
}

// get returns what is read under the key. Only answers are remembered, never faults.
func (r *reads[K, V]) get(ctx context.Context, key K) (V, error) {
	r.mu.Lock()
	one := r.known[key]
	if one == nil || one.over() {
		one = &reading[V]{done: make(chan struct{})}
		r.forget()
		r.known[key] = one
		go r.fetch(ctx, key, one)
	}
	r.mu.Unlock()
	select {
	case <-one.done:
		return one.value, one.err
	case <-ctx.Done():
		var zero V
		return zero, ctx.Err()
	}
}

func (r *reads[K, V]) fetch(ctx context.Context, key K, one *reading[V]) {
	ctx, cancel := detach.Context(ctx, readBudget)
	defer cancel()
	func() {
		defer caught(&one.err)
		one.value, one.err = r.read(ctx, key)
	}()
	if one.err == nil || errors.Is(one.err, ErrForbidden) {
		one.until = time.Now().Add(peopleKept)
	}
	close(one.done)
}

// over says that the reading has landed and is too old, or failed.
func (r *reading[V]) over() bool {
	select {
	case <-r.done:
		return !time.Now().Before(r.until)
	default:
		return false
	}
}

// forget drops what is too old, and makes room for the first; it is called with the lock held.
func (r *reads[K, V]) forget() {
	if r.known == nil {
		r.known = map[K]*reading[V]{}
	}
	for key, one := range r.known {
		if one.over() {
			delete(r.known, key)
		}
	}
}

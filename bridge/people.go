package bridge

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
)

// peopleKept is how long a requester's role and e-mail are remembered.
const peopleKept = time.Minute

// people reads requesters, each once at a time, and remembers them for a minute.
type people struct {
	read func(context.Context, Requester) (*Person, error)

	mu    sync.Mutex
	known map[Requester]*reading
}

type reading struct {
	done   chan struct{}
	person *Person
	err    error
	until  time.Time
}

// person returns who the requester is. Only answers are remembered, never faults.
func (p *people) person(ctx context.Context, r Requester) (*Person, error) {
	r.Email = strings.ToLower(r.Email)
	p.mu.Lock()
	k := p.known[r]
	if k == nil || k.over() {
		k = &reading{done: make(chan struct{})}
		p.forget()
		p.known[r] = k
		go p.fetch(context.WithoutCancel(ctx), r, k)
	}
	p.mu.Unlock()
	select {
	case <-k.done:
		return k.person, k.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *people) fetch(ctx context.Context, r Requester, k *reading) {
	ctx, cancel := context.WithTimeout(ctx, readBudget)
	defer cancel()
	func() {
		defer caught(&k.err)
		k.person, k.err = p.read(ctx, r)
	}()
	if k.err == nil || errors.Is(k.err, ErrForbidden) {
		k.until = time.Now().Add(peopleKept)
	}
	close(k.done)
}

// over says that the reading has landed and is too old, or failed.
func (k *reading) over() bool {
	select {
	case <-k.done:
		return !time.Now().Before(k.until)
	default:
		return false
	}
}

// forget drops what is too old; it is called with the lock held.
func (p *people) forget() {
	for r, k := range p.known {
		if k.over() {
			delete(p.known, r)
		}
	}
}

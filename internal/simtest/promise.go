package simtest

import "fmt"

// Promise is something that must hold whenever an event of one type happens. R is what is
// known so far.
type Promise[R any] struct {
	sentence string
	check    func(known R, event any) error
}

// On makes a promise about events of type E. The check returns how the sentence is
// broken, or nil.
func On[R, E any](sentence string, check func(known R, event E) error) Promise[R] {
	return Promise[R]{sentence: sentence, check: func(known R, event any) error {
		if e, ok := event.(E); ok {
			return check(known, e)
		}
		return nil
	}}
}

// Check checks all promises when an event has happened. Any goroutine may call it.
func Check[R any](s *Sim, promises []Promise[R], known R, event any) {
	for _, p := range promises {
		if err := p.check(known, event); err != nil {
			s.mu.Lock()
			s.violations = append(s.violations, fmt.Sprintf("broken: %s: %v", p.sentence, err))
			s.mu.Unlock()
		}
	}
}

// Violated reports whether a promise was broken. Any goroutine may call it.
func (s *Sim) Violated() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.violations) > 0
}

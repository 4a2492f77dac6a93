package simtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// ErrCrashed is what a process that was killed sees of every call.
var ErrCrashed = errors.New("the process is dead")

// ErrStoreDown is what a process sees of a store that fails.
var ErrStoreDown = errors.New("the store is down")

// Store is the store that all processes share, as one of them sees it: every call goes
// through the gate.
type Store struct {
	Sim    *Sim
	Shared tokenstore.Store

	// Actor is who a call is made for.
	Actor func(context.Context) *Actor
	// Describe completes a call: its step, its weight. The record is what a Put writes.
	Describe func(ctx context.Context, c *Call, r tokenstore.Record)
	// Crash is called in the goroutine of a process that was killed, instead of returning
	// ErrCrashed; nil: nothing.
	Crash func()

	// Read is called when a Get was processed, Written when a Put was, with the record
	// before. Nil: nothing is.
	Read    func(ctx context.Context, r tokenstore.Record)
	Written func(ctx context.Context, before, now tokenstore.Record)
	// Answered is called when an answer arrives that shows a record: what a Get found,
	// which may be nothing, or what a Put has written. Nil: nothing is.
	Answered func(ctx context.Context, r tokenstore.Record)
	// Listed may hide some of the keys that Due has found; nil: none.
	Listed func(ctx context.Context, keys []string) []string
	// Summary is a record in the trace; nil: nothing is said of it.
	Summary func(tokenstore.Record) string
}

var _ tokenstore.Store = Store{}

type storeAnswer struct {
	record  tokenstore.Record
	version string
	keys    []string
	next    string
	err     error

	shown   *tokenstore.Record // to the sender; nil: none
	summary func(tokenstore.Record) string
}

func (a storeAnswer) String() string {
	switch {
	case a.err != nil:
		return a.err.Error()
	case a.record.Version != "" && a.summary != nil:
		return a.summary(a.record)
	default:
		return strings.TrimSpace(fmt.Sprint("ok ", strings.Join(a.keys, " ")))
	}
}

// Get gets a record.
func (s Store) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	a := s.send(ctx, "get", key, tokenstore.Record{}, func(ctx context.Context) (a storeAnswer) {
		a.record, a.err = s.Shared.Get(ctx, key)
		if a.err == nil || errors.Is(a.err, tokenstore.ErrNotFound) {
			a.shown = &a.record
		}
		if s.Read != nil {
			s.Read(ctx, a.record)
		}
		return a
	})
	return a.record, a.err
}

// Put puts a record.
func (s Store) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	a := s.send(ctx, "put", key, r, func(ctx context.Context) (a storeAnswer) {
		before, _ := s.Shared.Get(ctx, key) // what is not there is empty
		a.version, a.err = s.Shared.Put(ctx, key, r)
		if a.err != nil {
			return a
		}
		a.shown = &r
		if s.Written != nil {
			s.Written(ctx, before, r)
		}
		return a
	})
	return a.version, a.err
}

// Delete deletes a record.
func (s Store) Delete(ctx context.Context, key, version string) error {
	return s.send(ctx, "delete", key, tokenstore.Record{}, func(ctx context.Context) (a storeAnswer) {
		a.err = s.Shared.Delete(ctx, key, version)
		return a
	}).err
}

// Due lists what is due.
func (s Store) Due(
	ctx context.Context, prefix string, before time.Time, after string, limit int,
) ([]string, string, error) {
	a := s.send(ctx, "due", prefix, tokenstore.Record{}, func(ctx context.Context) (a storeAnswer) {
		a.keys, a.next, a.err = s.Shared.Due(ctx, prefix, before, after, limit)
		if s.Listed != nil {
			a.keys = s.Listed(ctx, a.keys)
		}
		return a
	})
	return a.keys, a.next, a.err
}

func (s Store) send(
	ctx context.Context, op, key string, r tokenstore.Record, process func(context.Context) storeAnswer,
) storeAnswer {
	if err := ctx.Err(); err != nil {
		return storeAnswer{err: err}
	}
	c := &Call{
		By: s.Actor(ctx), Op: op, Key: key, Step: "store " + op, Ctx: ctx, Changes: op == "put" || op == "delete",
	}
	if s.Describe != nil {
		s.Describe(ctx, c, r)
	}
	var answer storeAnswer
	c.Answered = func() {
		if s.Answered != nil && answer.shown != nil {
			s.Answered(ctx, *answer.shown)
		}
	}
	return Send(s.Sim, c, func() storeAnswer {
		answer = process(context.WithoutCancel(ctx))
		answer.summary = s.Summary
		return answer
	}, func(f Fault) storeAnswer { return storeAnswer{err: s.broken(ctx, f)} })
}

func (s Store) broken(ctx context.Context, f Fault) error {
	switch f {
	case Hang:
		return context.Cause(ctx)
	case Crash:
		if s.Crash != nil {
			s.Crash()
		}
		return ErrCrashed
	default:
		return ErrStoreDown
	}
}

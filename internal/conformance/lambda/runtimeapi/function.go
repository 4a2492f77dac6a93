package runtimeapi

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"
)

// Function is a Lambda function with a limited number of processes. A process is started
// when there is an event and none is idle.
type Function struct {
	start func() (*Environment, error)
	slots chan *Environment // nil: a slot without a process
	wait  sync.WaitGroup
}

// NewFunction returns a function that has no process yet. The other arguments are those
// of [Start].
func NewFunction(processes int, program string, environ []string, timeout time.Duration, log io.Writer) *Function {
	f := &Function{slots: make(chan *Environment, processes)}
	f.start = func() (*Environment, error) { return Start(program, slices.Clip(environ), timeout, log) }
	for range processes {
		f.slots <- nil
	}
	return f
}

// Invoke passes the event to an idle process, and waits for one if all are busy.
func (f *Function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var e *Environment
	select {
	case e = <-f.slots:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if e == nil {
		var err error
		if e, err = f.start(); err != nil {
			f.slots <- nil
			return nil, err
		}
	}
	response, err := e.Invoke(ctx, payload)
	f.wait.Go(func() { f.slots <- whenIdle(e) })
	return response, err
}

// whenIdle returns the process once it is idle, or nil if it has exited.
func whenIdle(e *Environment) *Environment {
	if err := e.Idle(context.Background()); errors.Is(err, ErrExited) {
		e.Close()
		return nil
	}
	select {
	case <-e.Ended():
		e.Close()
		return nil
	default:
		return e
	}
}

// Close ends all processes.
func (f *Function) Close() {
	f.wait.Wait()
	for range cap(f.slots) {
		if e := <-f.slots; e != nil {
			e.Close()
		}
	}
}

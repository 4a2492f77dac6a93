package runtimeapi

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"
)

// Function is a Lambda function with at most so many processes, each started when there is an event and no idle one, and
// again after its end.
type Function struct {
	start func() (*Environment, error)
	slots chan *Environment // nil: a place where none runs
	wait  sync.WaitGroup
}

// NewFunction starts nothing yet. The arguments are those of [Start], for each process.
func NewFunction(processes int, program string, environ []string, timeout time.Duration, log io.Writer) *Function {
	f := &Function{slots: make(chan *Environment, processes)}
	f.start = func() (*Environment, error) { return Start(program, slices.Clip(environ), timeout, log) }
	for range processes {
		f.slots <- nil
	}
	return f
}

// Invoke hands the event to an idle process, and waits for one if all are at work.
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
	answer, err := e.Invoke(ctx, payload)
	f.wait.Go(func() { f.slots <- rested(e) })
	return answer, err
}

// rested returns the process once it is idle, or nil when it has ended.
func rested(e *Environment) *Environment {
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

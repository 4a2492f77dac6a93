package runtimeapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// What becomes of an invocation that is not answered.
var (
	// ErrTimedOut says that the time-out came first. The process was killed.
	ErrTimedOut = errors.New("runtimeapi: task timed out, and the process was killed")
	// ErrExited says that the process ended.
	ErrExited = errors.New("runtimeapi: the process has ended")
)

// initTimeout is how long a process may take until it asks for its first event.
const initTimeout = 10 * time.Second

// FunctionError is an error that the function reported, for an event or at its start.
type FunctionError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// Error is what the function said.
func (e *FunctionError) Error() string { return "function error: " + e.Type + ": " + e.Message }

// Environment is one process of a function with the Runtime API that it asks. It is safe for concurrent use: events wait
// until the process asks for the next. Close it.
type Environment struct {
	timeout time.Duration
	server  *http.Server
	cmd     *exec.Cmd
	began   time.Time

	started chan struct{}    // closed when cmd knows its process
	next    chan *invocation // handed to the process when it asks
	polled  chan struct{}    // closed when it asks for the first time
	ended   chan struct{}    // closed when the process is gone

	mu         sync.Mutex
	firstPoll  time.Time
	initError  *FunctionError
	invocation *invocation // what the process is at work on
	count      int
}

// invocation is one event on its way.
type invocation struct {
	id       string
	payload  []byte
	outcome  chan outcome // has room for the first that comes
	deadline *time.Timer
	over     chan struct{} // closed when the process asks for the next event
}

type outcome struct {
	answer []byte
	err    error
}

// Start runs the program. environ is all it gets, besides what Lambda itself sets; what it writes goes to log. timeout is
// that of the function.
func Start(program string, environ []string, timeout time.Duration, log io.Writer) (*Environment, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &Environment{
		timeout: timeout, next: make(chan *invocation),
		started: make(chan struct{}), polled: make(chan struct{}), ended: make(chan struct{}),
	}
	e.server = &http.Server{Handler: e.routes(), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = e.server.Serve(listener) }() // until Close

	e.cmd = exec.Command(program) //nolint:noctx // it is ended by Close, and by its time-out
	e.cmd.Env = append(environ,
		"AWS_LAMBDA_RUNTIME_API="+listener.Addr().String(), "AWS_LAMBDA_FUNCTION_NAME=incidentbridge",
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand", "_HANDLER=bootstrap",
	)
	e.cmd.Stdout, e.cmd.Stderr = log, log
	e.began = time.Now()
	if err := e.cmd.Start(); err != nil {
		e.server.Close()
		return nil, err
	}
	close(e.started)
	time.AfterFunc(initTimeout, func() {
		select {
		case <-e.polled:
		default:
			e.Kill()
		}
	})
	go func() {
		_ = e.cmd.Wait() // how it ended shows in cmd.ProcessState
		close(e.ended)
	}()
	return e, nil
}

// Ready waits until the process asks for its first event, and returns how long that took from its start.
func (e *Environment) Ready(ctx context.Context) (time.Duration, error) {
	select {
	case <-e.polled:
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.firstPoll.Sub(e.began), nil
	case <-e.ended:
		return 0, e.whyEnded()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Invoke hands the event to the process and returns its answer as soon as it has sent it: [Environment.Idle] tells when it
// is done. The error is a *[FunctionError], [ErrTimedOut] or [ErrExited].
func (e *Environment) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	inv := &invocation{payload: payload, outcome: make(chan outcome, 1), over: make(chan struct{})}
	select {
	case e.next <- inv:
	case <-e.ended:
		return nil, e.whyEnded()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case o := <-inv.outcome:
		return o.answer, o.err
	case <-e.ended:
		select {
		case o := <-inv.outcome: // its last words
			return o.answer, o.err
		default:
			return nil, e.whyEnded()
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Idle waits until the process has asked for another event than the one it is at work on.
func (e *Environment) Idle(ctx context.Context) error {
	e.mu.Lock()
	inv := e.invocation
	e.mu.Unlock()
	if inv == nil {
		return nil
	}
	select {
	case <-inv.over:
		return nil
	case <-e.ended:
		return e.whyEnded()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Ended is closed when the process is gone.
func (e *Environment) Ended() <-chan struct{} { return e.ended }

// ExitCode is what the process ended with, -1 while it runs and when it was killed.
func (e *Environment) ExitCode() int {
	select {
	case <-e.ended:
		return e.cmd.ProcessState.ExitCode()
	default:
		return -1
	}
}

// CPUTime is what the process has used, once it has ended.
func (e *Environment) CPUTime() time.Duration {
	<-e.ended
	return e.cmd.ProcessState.UserTime() + e.cmd.ProcessState.SystemTime()
}

// PID is the process.
func (e *Environment) PID() int { return e.cmd.Process.Pid }

// Kill is kill -9, and waits for the end.
func (e *Environment) Kill() {
	_ = e.cmd.Process.Kill()
	<-e.ended
}

// Close kills the process and stops the Runtime API.
func (e *Environment) Close() {
	e.Kill()
	e.server.Close()
}

func (e *Environment) whyEnded() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.initError != nil {
		return fmt.Errorf("%w: %w", ErrExited, e.initError)
	}
	return fmt.Errorf("%w: %v", ErrExited, e.cmd.ProcessState)
}

// signal freezes the process while it has no event, as Lambda does, or lets it go on.
func (e *Environment) signal(s syscall.Signal) { _ = e.cmd.Process.Signal(s) } // it may be gone

// begin notes that the process has the event now.
func (e *Environment) begin(inv *invocation) (deadline time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count++
	inv.id = strconv.Itoa(os.Getpid()) + "-" + strconv.Itoa(e.count)
	inv.deadline = time.AfterFunc(e.timeout, func() {
		select {
		case inv.outcome <- outcome{err: ErrTimedOut}:
		default: // answered in time, but not done in time
		}
		e.Kill()
	})
	e.invocation = inv
	return time.Now().Add(e.timeout)
}

// finish notes that the process asks for the next event, and so is done with the last.
func (e *Environment) finish() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.firstPoll.IsZero() {
		e.firstPoll = time.Now()
		close(e.polled)
	}
	if e.invocation != nil {
		e.invocation.deadline.Stop()
		close(e.invocation.over)
		e.invocation = nil
	}
}

// settle delivers the outcome of the invocation with this id; false: there is none.
func (e *Environment) settle(id string, o outcome) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.invocation == nil || e.invocation.id != id {
		return false
	}
	select {
	case e.invocation.outcome <- o:
		return true
	default:
		return false // answered twice
	}
}

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

// Errors of an invocation without a response.
var (
	// ErrTimedOut is returned when the function's timeout expired. The process was
	// killed.
	ErrTimedOut = errors.New("runtimeapi: task timed out, process killed")
	// ErrExited is returned when the process ended.
	ErrExited = errors.New("runtimeapi: process exited")
)

// initTimeout is how long a process may take until its first poll.
const initTimeout = 10 * time.Second

// FunctionError is an error that the function reported, for an event or at its start.
type FunctionError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// Error returns the type and message that the function reported.
func (e *FunctionError) Error() string { return "function error: " + e.Type + ": " + e.Message }

// Environment is one process of a function, with the Runtime API that it polls. It is
// safe for concurrent use: events wait until the process polls for the next one. Close
// it.
type Environment struct {
	timeout time.Duration
	server  *http.Server
	cmd     *exec.Cmd
	began   time.Time

	started chan struct{}    // closed once cmd has its process
	next    chan *invocation // passed to the process when it polls
	polled  chan struct{}    // closed at the first poll
	ended   chan struct{}    // closed when the process has exited

	mu         sync.Mutex
	firstPoll  time.Time
	initError  *FunctionError
	invocation *invocation // what the process is working on
	count      int
}

// invocation is one event in progress.
type invocation struct {
	id       string
	payload  []byte
	outcome  chan outcome // buffered; only the first outcome counts
	deadline *time.Timer
	over     chan struct{} // closed when the process polls for the next event
}

type outcome struct {
	response []byte
	err      error
}

// Start runs the program with environ and the variables that Lambda itself sets, and
// copies its output to log. timeout is that of the function.
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

	e.cmd = exec.Command(program) //nolint:noctx // ended by Close and by the timeout
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
		_ = e.cmd.Wait() // the result is in cmd.ProcessState
		close(e.ended)
	}()
	return e, nil
}

// Ready waits for the first poll, and returns how long it took from the start of the
// process.
func (e *Environment) Ready(ctx context.Context) (time.Duration, error) {
	select {
	case <-e.polled:
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.firstPoll.Sub(e.began), nil
	case <-e.ended:
		return 0, e.exitError()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Invoke passes the event to the process and returns its response as soon as it is sent;
// [Environment.Idle] waits until the invocation is over. The error is a *[FunctionError],
// [ErrTimedOut] or [ErrExited].
func (e *Environment) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	inv := &invocation{payload: payload, outcome: make(chan outcome, 1), over: make(chan struct{})}
	select {
	case e.next <- inv:
	case <-e.ended:
		return nil, e.exitError()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case o := <-inv.outcome:
		return o.response, o.err
	case <-e.ended:
		select {
		case o := <-inv.outcome: // sent just before the exit
			return o.response, o.err
		default:
			return nil, e.exitError()
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Idle waits until the process polls for the event after the one it is working on.
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
		return e.exitError()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Ended is closed when the process has exited.
func (e *Environment) Ended() <-chan struct{} { return e.ended }

// ExitCode returns the exit code, or -1 while the process runs and when it was killed.
func (e *Environment) ExitCode() int {
	select {
	case <-e.ended:
		return e.cmd.ProcessState.ExitCode()
	default:
		return -1
	}
}

// CPUTime waits for the end of the process and returns the processor time it used.
func (e *Environment) CPUTime() time.Duration {
	<-e.ended
	return e.cmd.ProcessState.UserTime() + e.cmd.ProcessState.SystemTime()
}

// PID returns the id of the process.
func (e *Environment) PID() int { return e.cmd.Process.Pid }

// Kill kills the process and waits for its end.
func (e *Environment) Kill() {
	_ = e.cmd.Process.Kill()
	<-e.ended
}

// Close kills the process and stops the Runtime API.
func (e *Environment) Close() {
	e.Kill()
	e.server.Close()
}

func (e *Environment) exitError() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.initError != nil {
		return fmt.Errorf("%w: %w", ErrExited, e.initError)
	}
	return fmt.Errorf("%w: %v", ErrExited, e.cmd.ProcessState)
}

// signal freezes the process while it has no event, as Lambda does, or thaws it.
func (e *Environment) signal(s syscall.Signal) { _ = e.cmd.Process.Signal(s) } // it may have exited

// begin records that the process received the event.
func (e *Environment) begin(inv *invocation) (deadline time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count++
	inv.id = strconv.Itoa(os.Getpid()) + "-" + strconv.Itoa(e.count)
	inv.deadline = time.AfterFunc(e.timeout, func() {
		select {
		case inv.outcome <- outcome{err: ErrTimedOut}:
		default: // the response was in time, but not the next poll
		}
		e.Kill()
	})
	e.invocation = inv
	return time.Now().Add(e.timeout)
}

// finish records a poll, which ends the previous invocation.
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

// setOutcome delivers the outcome of the invocation with this id. It reports whether that
// invocation is in progress and had none yet.
func (e *Environment) setOutcome(id string, o outcome) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.invocation == nil || e.invocation.id != id {
		return false
	}
	select {
	case e.invocation.outcome <- o:
		return true
	default:
		return false // a second response
	}
}

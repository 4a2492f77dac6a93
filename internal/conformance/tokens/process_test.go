package tokens_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// asProcess is the environment variable that makes the test program a process of the
// fleet. Its value is the JSON of a task.
const asProcess = "TOKENS_TEST_AS_PROCESS"

func TestMain(m *testing.M) {
	order := os.Getenv(asProcess)
	if order == "" {
		os.Exit(m.Run())
	}
	if err := work(context.Background(), order); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// task is what a process does: callers ask for a token, all at once.
type task struct {
	Store    place
	Vendor   string
	Server   string
	Callers  int
	Rejected string // the access token that the vendor's API rejects
	Killed   bool   // by kill -9, when the server has answered and nothing is stored yet
}

// outcome is what the callers of a process got.
type outcome struct {
	Tokens   map[string]int // how many got each access token
	Failures []string
	Lost     int // failures that are ErrReauthorize
}

// source is the grant of the task, in a sealed store.
func (o task) source(store tokenstore.Store) (*tokenstore.TokenSource, error) {
	store, err := sealed(store)
	if err != nil {
		return nil, err
	}
	app, err := newApp(o.Vendor, o.Server)
	if err != nil {
		return nil, err
	}
	refresh := app.Refresh
	if o.Killed {
		refresh = func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
			token, err := app.Refresh(ctx, old)
			if err == nil {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				<-ctx.Done()
			}
			return token, err
		}
	}
	options := []tokenstore.Option{tokenstore.WithRefreshTimeout(4 * time.Second)} // a lease of 18 s
	if o.Vendor == "pagerduty" {
		options = append(options, tokenstore.WithReuseDetection(4*time.Second))
	}
	return tokenstore.NewTokenSource(store, "grant/default/"+o.Vendor, refresh, options...)
}

// work is the process: it prepares, waits for its standard input to end, so that all
// processes begin together, and prints the outcome.
func work(ctx context.Context, order string) error {
	var o task
	if err := json.Unmarshal([]byte(order), &o); err != nil {
		return err
	}
	store, closeIt, err := o.Store.open(ctx)
	if err != nil {
		return err
	}
	source, err := o.source(store)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	var (
		callers sync.WaitGroup
		mu      sync.Mutex
		result  = outcome{Tokens: map[string]int{}}
	)
	for range o.Callers {
		callers.Go(func() {
			token, err := ask(ctx, source, o.Rejected)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				result.Tokens[token.AccessToken]++
				return
			}
			result.Failures = append(result.Failures, err.Error())
			if errors.Is(err, tokenstore.ErrReauthorize) {
				result.Lost++
			}
		})
	}
	callers.Wait()
	if err := source.Wait(ctx); err != nil {
		return err
	}
	return errors.Join(json.NewEncoder(os.Stdout).Encode(result), closeIt())
}

// ask does what a client does: when the API rejects the token, it calls Invalidate and
// asks again.
func ask(ctx context.Context, source *tokenstore.TokenSource, rejected string) (*oauth2.Token, error) {
	token, err := source.Token(ctx)
	if err == nil && token.AccessToken == rejected {
		source.Invalidate(ctx, token)
		return source.Token(ctx)
	}
	return token, err
}

// run runs that many processes at once, to their end, and returns the outcome of each.
func run(t *testing.T, processes int, o task) []outcome {
	t.Helper()
	order, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	outputs, errs := make([]bytes.Buffer, processes), make([]bytes.Buffer, processes)
	var commands []*exec.Cmd
	var starts []io.Closer
	for i := range processes {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), asProcess+"="+string(order))
		cmd.Stdout, cmd.Stderr = &outputs[i], &errs[i]
		start, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		commands, starts = append(commands, cmd), append(starts, start)
	}
	for _, start := range starts {
		_ = start.Close()
	}
	outcomes := make([]outcome, processes)
	for i, cmd := range commands {
		err := cmd.Wait()
		if status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus); o.Killed && status.Signal() == syscall.SIGKILL {
			continue
		}
		if err != nil || o.Killed {
			t.Fatalf("process %d ended with %v:\n%s", i, err, &errs[i])
		}
		if err := json.Unmarshal(outputs[i].Bytes(), &outcomes[i]); err != nil {
			t.Fatal(err)
		}
	}
	return outcomes
}

package sqlstore_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	osexec "os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/sqlstore"
)

const (
	counters = 3
	counts   = 100 // at each counter, by each process

	// asCounter is the environment variable that makes the test program a counting
	// process. Its value names the driver and the DSN.
	asCounter = "SQLSTORE_TEST_AS_COUNTER"
)

func TestMain(m *testing.M) {
	driver, dsn, counting := strings.Cut(os.Getenv(asCounter), " ")
	if !counting {
		os.Exit(m.Run())
	}
	if err := count(context.Background(), driver, dsn); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Three processes start at once on a database without a table, and count together: no
// count is lost, no process is locked out.
func TestThreeProcessesOnOneDatabase(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		dsn := d.dsn(t)
		var starts []io.Closer
		var commands []*osexec.Cmd
		var outputs [counters]bytes.Buffer
		for i := range outputs {
			cmd := osexec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), asCounter+"="+d.driver+" "+dsn)
			cmd.Stderr = &outputs[i]
			start, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			starts, commands = append(starts, start), append(commands, cmd)
		}
		for _, start := range starts {
			start.Close()
		}
		for i, cmd := range commands {
			if err := cmd.Wait(); err != nil {
				t.Errorf("process %d: %v\n%s", i, err, &outputs[i])
			}
		}
		store := d.start(t, dsn)
		for i := range counters {
			wantValue(t, store, counter(i), strconv.Itoa(len(commands)*counts))
		}
	})
}

func counter(i int) string { return "counter/" + strconv.Itoa(i) }

// count waits for its standard input to end, so that all processes begin together, and
// then increments all counters concurrently.
func count(ctx context.Context, driver, dsn string) error {
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	dialect := sqlstore.SQLite
	if driver == postgres.driver {
		dialect = sqlstore.PostgreSQL
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	store, err := sqlstore.New(db, dialect)
	if err != nil {
		return err
	}
	if err := store.Migrate(ctx); err != nil {
		return err
	}
	failures := make(chan error)
	for i := range counters {
		go func() { failures <- countUp(ctx, store, counter(i)) }()
	}
	var all error
	for range counters {
		all = errors.Join(all, <-failures)
	}
	return all
}

func countUp(ctx context.Context, store tokenstore.Store, key string) error {
	for done := 0; done < counts; {
		r, err := store.Get(ctx, key)
		if err != nil && !errors.Is(err, tokenstore.ErrNotFound) {
			return err
		}
		n, _ := strconv.Atoi(string(r.Value)) // 0 where there is nothing yet
		r.Value = []byte(strconv.Itoa(n + 1))
		_, err = store.Put(ctx, key, r)
		if err == nil {
			done++
		} else if !errors.Is(err, tokenstore.ErrConflict) {
			return err
		}
	}
	return nil
}

package sqlstore_test

import (
	"bytes"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
)

// The whole contract holds when every Put is sent twice and nobody writes in between.
func TestTheContractOverADriverThatResends(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		dsn := d.dsn(t)
		d.start(t, dsn)
		var together sync.Mutex
		var resent atomic.Int64
		send := twice(func() { resent.Add(1) })
		store := d.store(t, d.spyOn(t, dsn, &spy{
			exec: func(query string, args []driver.NamedValue, run func() (driver.Result, error)) (driver.Result, error) {
				together.Lock()
				defer together.Unlock()
				return send(query, args, run)
			},
		}))
		t.Cleanup(func() {
			if resent.Load() == 0 {
				t.Error("nothing was sent twice")
			}
		})
		storetest.Run(t, func(*testing.T) tokenstore.Store { return store })
	})
}

// twice sends every Put again, as a driver does that lost the first answer, and returns
// the second answer.
func twice(between func()) execFunc {
	return func(query string, _ []driver.NamedValue, run func() (driver.Result, error)) (driver.Result, error) {
		if strings.HasPrefix(query, "INSERT") || strings.HasPrefix(query, "UPDATE") {
			if result, err := run(); err != nil {
				return result, err
			}
			between()
		}
		return run()
	}
}

// The server has written, and the connection breaks before its answer arrives.
func TestALostAnswerLeavesTheWriteInDoubt(t *testing.T) {
	t.Parallel()
	dsn := postgres.dsn(t)
	healthy := postgres.start(t, dsn)
	line, viaLine := newLine(t, dsn)
	db := postgres.open(t, viaLine)
	db.SetMaxOpenConns(1)
	store := postgres.store(t, db)

	tests := []struct {
		name   string
		write  func(key, version string) error
		landed func(t *testing.T, key string)
	}{
		{
			name: "create",
			write: func(key, _ string) error {
				_, err := store.Put(t.Context(), key+"/new", tokenstore.Record{Value: []byte("after")})
				return err
			},
			landed: func(t *testing.T, key string) { wantValue(t, healthy, key+"/new", "after") },
		},
		{
			name: "change",
			write: func(key, version string) error {
				_, err := store.Put(t.Context(), key, tokenstore.Record{Value: []byte("after"), Version: version})
				return err
			},
			landed: func(t *testing.T, key string) { wantValue(t, healthy, key, "after") },
		},
		{
			name:   "delete",
			write:  func(key, version string) error { return store.Delete(t.Context(), key, version) },
			landed: func(t *testing.T, key string) { wantAbsent(t, healthy, key) },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { // one after the other: they share the line
			key := "bridge/acme/" + tt.name
			version := put(t, store, key, tokenstore.Record{Value: []byte("before")})

			line.cutAnswer()
			err := tt.write(key, version)
			if err == nil || errors.Is(err, tokenstore.ErrConflict) || !strings.Contains(err.Error(), "read it again") {
				t.Errorf("with its answer cut: %v, want an error that says to read again", err)
			}
			if !line.wasCut() {
				t.Fatal("the answer was not cut")
			}
			tt.landed(t, key)
			if err := tt.write(key, version); !errors.Is(err, tokenstore.ErrConflict) {
				t.Errorf("the same again = %v, want ErrConflict", err)
			}
			tt.landed(t, key)
		})
	}
}

// line is a TCP connection to the server that can break before the next answer.
type line struct {
	server string
	cut    atomic.Bool
}

// newLine returns the line and the DSN that connects through it.
func newLine(t *testing.T, dsn string) (*line, string) {
	t.Helper()
	address, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	l := &line{server: address.Host}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go l.serve(client)
		}
	}()
	address.Host = listener.Addr().String()
	return l, address.String()
}

// cutAnswer drops the server's next message and closes the connection.
func (l *line) cutAnswer() { l.cut.Store(true) }

func (l *line) wasCut() bool { return !l.cut.Load() }

func (l *line) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", l.server)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		server.Close()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil {
			return
		}
		// CommandComplete: the statement has been committed.
		if bytes.Contains(buffer[:n], []byte("C\x00\x00\x00")) && l.cut.CompareAndSwap(true, false) {
			return
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/sqlstore"
)

// What needs a database is in internal/conformance/sqlstore: this module has no driver.

func TestNewNeedsADatabaseAndADialect(t *testing.T) {
	t.Parallel()
	db := sql.OpenDB(unreachable{})
	tests := []struct {
		name    string
		db      *sql.DB
		dialect sqlstore.Dialect
		want    error
	}{
		{name: "SQLite", db: db, dialect: sqlstore.SQLite},
		{name: "PostgreSQL", db: db, dialect: sqlstore.PostgreSQL},
		{name: "no database", dialect: sqlstore.SQLite, want: tokenstore.ErrInvalid},
		{name: "no dialect", db: db, want: tokenstore.ErrInvalid},
		{name: "another dialect", db: db, dialect: 3, want: tokenstore.ErrInvalid},
	}
	for _, tt := range tests {
		if _, err := sqlstore.New(tt.db, tt.dialect); !errors.Is(err, tt.want) {
			t.Errorf("%s: New = %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestSQLiteDSNNamesTheFileAndTheSettings(t *testing.T) {
	t.Parallel()
	const settings = "?_pragma=busy_timeout%2810000%29&_pragma=journal_mode%28WAL%29" +
		"&_pragma=synchronous%28FULL%29&_pragma=secure_delete%28ON%29"
	for file, want := range map[string]string{
		"incidentbridge.db":    "file:incidentbridge.db",
		"/var/lib/bridge/a.db": "file:/var/lib/bridge/a.db",
		"//var/lib/./a.db":     "file:/var/lib/a.db", // what follows two slashes would be a host
		"what? 100% #1.db":     "file:what%3F%20100%25%20%231.db",
		"a&b=c;d+e.db":         "file:a&b=c;d+e.db",
	} {
		if diff := cmp.Diff(want+settings, sqlstore.SQLiteDSN(file)); diff != "" {
			t.Errorf("SQLiteDSN(%q) (-want +got):\n%s", file, diff)
		}
	}
}

func TestADatabaseThatIsDownIsNamed(t *testing.T) {
	t.Parallel()
	for name, call := range calls(t) {
		err := call(t.Context(), "bridge/acme/P1")
		if !errors.Is(err, errDown) || !strings.HasPrefix(err.Error(), "sqlstore: ") {
			t.Errorf("%s = %v, want sqlstore: and errDown", name, err)
		}
		isWrite := name == "create" || name == "change" || name == "Delete"
		if said := strings.Contains(err.Error(), "read it again"); said != isWrite {
			t.Errorf("%s = %v, says that it is in doubt: %t, want %t", name, err, said, isWrite)
		}
	}
}

func TestNothingIsSentOfWhatIsInvalid(t *testing.T) {
	t.Parallel()
	for name, call := range calls(t) {
		if err := call(t.Context(), "\n"); !errors.Is(err, tokenstore.ErrInvalid) {
			t.Errorf("%s = %v, want ErrInvalid", name, err)
		}
	}
}

// The connector's own words for a context that ended are not those of the context.
func TestAContextThatEndsIsSeen(t *testing.T) {
	t.Parallel()
	for name, call := range calls(t) {
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), hangUntilOver{}, true))
		time.AfterFunc(time.Millisecond, cancel)
		if err := call(ctx, "bridge/acme/P1"); !errors.Is(err, context.Canceled) {
			t.Errorf("%s = %v, want Canceled", name, err)
		}
	}
}

// calls are the methods of a store whose database cannot be reached.
func calls(t *testing.T) map[string]func(ctx context.Context, key string) error {
	t.Helper()
	store, err := sqlstore.New(sql.OpenDB(unreachable{}), sqlstore.PostgreSQL)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]func(ctx context.Context, key string) error{
		"Get": func(ctx context.Context, key string) error { _, err := store.Get(ctx, key); return err },
		"create": func(ctx context.Context, key string) error {
			_, err := store.Put(ctx, key, tokenstore.Record{})
			return err
		},
		"change": func(ctx context.Context, key string) error {
			_, err := store.Put(ctx, key, tokenstore.Record{Version: "v"})
			return err
		},
		"Delete": func(ctx context.Context, key string) error { return store.Delete(ctx, key, "v") },
		"Due": func(ctx context.Context, key string) error {
			_, _, err := store.Due(ctx, key, time.Now(), "", 1)
			return err
		},
	}
}

func TestDueTakesOnlyCursorsOfItsOwn(t *testing.T) {
	t.Parallel()
	store, err := sqlstore.New(sql.OpenDB(unreachable{}), sqlstore.SQLite)
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []string{"bridge/acme/P1", "7", "7 ", "7 \n", " bridge/acme/P1", "seven bridge/acme/P1"} {
		_, _, err := store.Due(t.Context(), "bridge", time.Now(), after, 10)
		if !errors.Is(err, tokenstore.ErrInvalid) {
			t.Errorf("Due after %q = %v, want ErrInvalid", after, err)
		}
	}
}

var errDown = errors.New("no route to the database")

// unreachable is a driver whose database is down, and noticed at once or when the context
// is over.
type unreachable struct{}

type hangUntilOver struct{}

func (unreachable) Connect(ctx context.Context) (driver.Conn, error) {
	if ctx.Value(hangUntilOver{}) != nil {
		<-ctx.Done()
	}
	return nil, errDown
}

func (unreachable) Driver() driver.Driver { return nil }

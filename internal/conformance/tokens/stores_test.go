package tokens_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/redis/go-redis/v9"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/incidentbridge/incidentbridge/internal/conformance/need"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/redisstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/sqlstore"
)

// place is where a store is. Processes that open the same one share its records.
type place struct {
	Kind, Address, Prefix string
}

// eachStore runs a test on every store that several processes can share, side by side,
// each time on one of its own.
func eachStore(t *testing.T, test func(t *testing.T, at place)) {
	t.Helper()
	for kind, fresh := range map[string]func(t *testing.T) place{
		"SQLite": sqliteFile, "PostgreSQL": postgresSchema, "Redis": redisKeys,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t))
		})
	}
}

func sqliteFile(t *testing.T) place {
	t.Helper()
	return place{Kind: "sqlite", Address: sqlstore.SQLiteDSN(filepath.Join(t.TempDir(), "records.db"))}
}

func postgresSchema(t *testing.T) place {
	t.Helper()
	server := need.Address(t, "postgres", "source .ci/services starts it", "INCIDENTBRIDGE_POSTGRES")
	db, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	schema := "tokens_" + strings.ToLower(rand.Text())
	if _, err := db.ExecContext(t.Context(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := db.ExecContext(context.WithoutCancel(t.Context()), "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			t.Error(err)
		}
		_ = db.Close()
	})
	return place{Kind: "pgx", Address: server + "&search_path=" + schema}
}

func redisKeys(t *testing.T) place {
	t.Helper()
	address := need.Address(t, "redis", "source .ci/services starts it", "INCIDENTBRIDGE_REDIS")
	return place{Kind: "redis", Address: address, Prefix: "tokens-" + rand.Text()}
}

// open opens the store, without a seal.
func (p place) open(ctx context.Context) (store tokenstore.Store, closeIt func() error, err error) {
	if p.Kind == "redis" {
		options, err := redis.ParseURL(p.Address)
		if err != nil {
			return nil, nil, err
		}
		options.ContextTimeoutEnabled = true
		client := redis.NewClient(options)
		store, err := redisstore.New(client, redisstore.WithPrefix(p.Prefix))
		return store, client.Close, err
	}
	db, err := sql.Open(p.Kind, p.Address)
	if err != nil {
		return nil, nil, err
	}
	db.SetMaxOpenConns(4)
	dialect := sqlstore.SQLite
	if p.Kind == "pgx" {
		dialect = sqlstore.PostgreSQL
	}
	records, err := sqlstore.New(db, dialect)
	if err != nil {
		return nil, nil, err
	}
	return records, db.Close, records.Migrate(ctx)
}

// must is open for the test's own process.
func (p place) must(t *testing.T) tokenstore.Store {
	t.Helper()
	store, closeIt, err := p.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = closeIt() })
	return store
}

// sealed is the store as a program uses it.
func sealed(store tokenstore.Store) (tokenstore.Store, error) {
	keys, err := tokenstore.ParseKeyring("test:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	if err != nil {
		return nil, err
	}
	return tokenstore.Sealed(store, keys)
}

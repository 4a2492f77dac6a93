package fleet_test

import (
	"crypto/rand"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/redis/go-redis/v9"

	"github.com/incidentbridge/incidentbridge/internal/conformance/need"
)

// eachStore runs a test on every store that several processes can share, side by side; it
// is given the STORE_URL of one that nobody else has.
func eachStore(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	for name, fresh := range map[string]func(t *testing.T) string{
		"SQLite": sqliteFile, "PostgreSQL": postgresSchema, "Redis": redisDatabase,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t))
		})
	}
}

func sqliteFile(t *testing.T) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "bridge.db")
}

func postgresSchema(t *testing.T) string {
	t.Helper()
	server := need.Address(t, "postgres", "source .ci/services starts it", "INCIDENTBRIDGE_POSTGRES")
	db, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	schema := "fleet_" + strings.ToLower(rand.Text())
	if _, err := db.ExecContext(t.Context(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	return server + "&search_path=" + schema
}

// redisDatabase is a database of the server that no other test takes.
func redisDatabase(t *testing.T) string {
	t.Helper()
	const database = 7
	options, err := redis.ParseURL(need.Address(t, "redis", "source .ci/services starts it", "INCIDENTBRIDGE_REDIS"))
	if err != nil {
		t.Fatal(err)
	}
	options.DB = database
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	if err := client.FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	return "redis://" + options.Addr + "/7"
}

package sqlstore_test

import (
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// The table has 20,000 records, the value is that of a usual bridge.
func BenchmarkStore(b *testing.B) {
	for _, d := range []database{sqlite, postgres} {
		b.Run(d.name, func(b *testing.B) {
			dsn := d.dsn(b)
			db := d.open(b, dsn)
			store := d.store(b, db)
			if err := store.Migrate(b.Context()); err != nil {
				b.Fatal(err)
			}
			fill(b, d, db, 20_000)
			exec(b, db, "ANALYZE")
			r := tokenstore.Record{Value: make([]byte, 2000), DueAt: time.Now()}
			r.Version = put(b, store, "bridge/acme/P1", r)

			b.Run("Get", func(b *testing.B) {
				for b.Loop() {
					get(b, store, "bridge/acme/P1")
				}
			})
			b.Run("Put", func(b *testing.B) {
				for b.Loop() {
					r.Version = put(b, store, "bridge/acme/P1", r)
				}
			})
			b.Run("Due", func(b *testing.B) {
				for b.Loop() {
					if _, _, err := store.Due(b.Context(), "bridge/acme", time.Now(), "", 100); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

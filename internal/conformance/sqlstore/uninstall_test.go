package sqlstore_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/sqlstore"
)

// Neither the tokens of an uninstalled grant nor those that they replaced are in any
// file, sealed or not.
func TestAnUninstallLeavesNoTokenInSQLite(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	store := sqlite.start(t, sqlstore.SQLiteDSN(filepath.Join(folder, "records.db")))
	given := 0
	give := func() *oauth2.Token {
		given++
		return &oauth2.Token{
			AccessToken: fmt.Sprintf("access-token-%d.", given), RefreshToken: fmt.Sprintf("refresh-token-%d.", given),
			Expiry: time.Now().Add(time.Hour),
		}
	}
	source, err := tokenstore.NewTokenSource(store, "grant/default/zoom",
		func(context.Context, *oauth2.Token) (*oauth2.Token, error) { return give(), nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := source.Save(t.Context(), "installation", give()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		token, err := source.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		source.Invalidate(t.Context(), token)
	}
	if !onDisk(t, folder, "refresh-token-1.") || !onDisk(t, folder, "access-token-3.") {
		t.Error("before the uninstall no token is on the disk: this test sees nothing")
	}

	if err := source.Uninstall(t.Context(), "installation"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Prune(t.Context()); err != nil { // it truncates the log
		t.Fatal(err)
	}
	for n := range given {
		for _, kind := range []string{"access", "refresh"} {
			if token := fmt.Sprintf("%s-token-%d.", kind, n+1); onDisk(t, folder, token) {
				t.Errorf("%s is on the disk", token)
			}
		}
	}
}

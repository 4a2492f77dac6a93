package tokens_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/sqlstore"
)

// shapes are the tokens as text, and as they look in base64 wherever they begin in it.
func shapes(tokens ...string) []string {
	var all []string
	for _, token := range tokens {
		all = append(all, token)
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			for shift := range 3 {
				text := encoding.EncodeToString([]byte("   "[:shift] + token))
				first := (8*shift + 5) / 6 // the characters that hold bits of the text before
				last := (8 * (shift + len(token))) / 6
				all = append(all, text[first:last])
			}
		}
	}
	return all
}

func TestShapesAreFoundWhereverTheyStand(t *testing.T) {
	t.Parallel()
	const token = "tok?n~1"
	for _, before := range []string{"", "a", "ab", "abc"} {
		text := base64.StdEncoding.EncodeToString([]byte(before + token + "and what follows"))
		found := false
		for _, shape := range shapes(token) {
			found = found || bytes.Contains([]byte(text), []byte(shape))
		}
		if !found {
			t.Errorf("%q in base64 is not seen in %q", token, text)
		}
	}
}

// The store is not sealed here: what must be gone is the very text of the tokens.
func TestNothingOfATokenIsLeftInSQLiteAfterTheUninstall(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	at := place{Kind: "sqlite", Address: sqlstore.SQLiteDSN(filepath.Join(folder, "records.db"))}
	store, ok := at.must(t).(*sqlstore.Store)
	if !ok {
		t.Fatal("no sqlstore")
	}
	// Others write before, between and after, so that pages are moved and used again.
	other := func(key string) {
		value := bytes.Repeat([]byte("another record "), 50)
		if _, err := store.Put(t.Context(), "bridge/default/"+key, tokenstore.Record{Value: value}); err != nil {
			t.Fatal(err)
		}
	}
	var tokens []string
	issue := func(life time.Duration) *oauth2.Token {
		token := &oauth2.Token{AccessToken: "access-" + rand.Text(), RefreshToken: "refresh-" + rand.Text()}
		token.Expiry = time.Now().Add(life)
		tokens = append(tokens, token.AccessToken, token.RefreshToken)
		return token
	}
	var sources []*tokenstore.TokenSource
	for _, vendor := range []string{"zoom", "pagerduty"} {
		source, err := tokenstore.NewTokenSource(store, "grant/default/"+vendor,
			func(context.Context, *oauth2.Token) (*oauth2.Token, error) { return issue(time.Second), nil })
		if err != nil {
			t.Fatal(err)
		}
		other("before-" + vendor)
		if err := source.Save(t.Context(), "installation-1", issue(-time.Minute)); err != nil {
			t.Fatal(err)
		}
		for range 3 { // each too short-lived to be returned twice
			if _, err := source.Token(t.Context()); err != nil {
				t.Fatal(err)
			}
			other("between-" + vendor + rand.Text())
		}
		sources = append(sources, source)
	}
	last := []string{tokens[len(tokens)-1], tokens[len(tokens)-2]}
	for _, token := range append(last, tokens[0]) { // also one that was replaced
		if !onDisk(t, folder, token) {
			t.Fatal("before the uninstall a token is nowhere: this test sees nothing")
		}
	}

	for _, source := range sources {
		if err := source.Uninstall(t.Context(), "installation-1"); err != nil {
			t.Fatal(err)
		}
	}
	other("after")
	if _, err := store.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, shape := range shapes(tokens...) {
		if onDisk(t, folder, shape) {
			t.Errorf("%q is on the disk", shape)
		}
	}
	if len(tokens) != 16 {
		t.Errorf("%d tokens were looked for, want four pairs of two vendors", len(tokens))
	}
}

// onDisk looks into every file of the folder: the database, its log and its index.
func onDisk(t *testing.T, folder, text string) bool {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(folder, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte(text)) {
			return true
		}
	}
	return false
}

package tokenstore_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// Two writers have read the same version: the second one is told to read again.
func ExampleStore() {
	ctx := context.Background()
	store := tokenstore.NewMemory()

	version, err := store.Put(ctx, "bridge/acme/P1", tokenstore.Record{Value: []byte("creating")})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = store.Put(ctx, "bridge/acme/P1", tokenstore.Record{Value: []byte("created"), Version: version})
	fmt.Println("first writer:", err)
	_, err = store.Put(ctx, "bridge/acme/P1", tokenstore.Record{Value: []byte("failed"), Version: version})
	fmt.Println("second writer must read again:", errors.Is(err, tokenstore.ErrConflict))
	// Output:
	// first writer: <nil>
	// second writer must read again: true
}

func ExampleTokenSource() {
	ctx := context.Background()
	refresh := func(_ context.Context, old *oauth2.Token) (*oauth2.Token, error) {
		_ = old.RefreshToken // send it to the vendor, once
		return &oauth2.Token{AccessToken: "second", RefreshToken: "next", Expiry: time.Now().Add(time.Hour)}, nil
	}
	source, err := tokenstore.NewTokenSource(tokenstore.NewMemory(), "grant/acme/zoom", refresh)
	if err != nil {
		fmt.Println(err)
		return
	}

	_, err = source.Token(ctx)
	fmt.Println("install first:", errors.Is(err, tokenstore.ErrNotInstalled))

	consent := &oauth2.Token{AccessToken: "first", RefreshToken: "once", Expiry: time.Now().Add(time.Hour)}
	if err := source.Save(ctx, "installation-1", consent); err != nil {
		fmt.Println(err)
		return
	}
	token, err := source.Token(ctx)
	fmt.Println(token.AccessToken, err)

	source.Invalidate(ctx, token) // the vendor answered 401
	token, err = source.Token(ctx)
	fmt.Println(token.AccessToken, err)
	// Output:
	// install first: true
	// first <nil>
	// second <nil>
}

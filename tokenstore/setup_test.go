package tokenstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
)

const key = "grant/acme/zoom"

var errLost = errors.New("connection reset")

// vendor is an OAuth server whose refresh tokens work once. Its tokens live an hour.
type vendor struct {
	mu     sync.Mutex
	serial int
	valid  string // the one refresh token that works
	calls  int
}

// install returns the token of a new consent, which ends the former one.
func (v *vendor) install() *oauth2.Token {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.next()
}

func (v *vendor) next() *oauth2.Token {
	v.serial++
	v.valid = fmt.Sprintf("refresh-%d", v.serial)
	token := &oauth2.Token{
		AccessToken:  fmt.Sprintf("access-%d", v.serial),
		RefreshToken: v.valid,
		TokenType:    "bearer",
		Expiry:       time.Now().Add(time.Hour),
	}
	return token.WithExtra(map[string]any{"scope": "meeting:write", "api_url": "https://api-eu.zoom.us"})
}

// refresh is a tokenstore.RefreshFunc that fails only for a refresh token that is not
// valid.
func (v *vendor) refresh(_ context.Context, old *oauth2.Token) (*oauth2.Token, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls++
	if old.RefreshToken != v.valid {
		return nil, vendorError(http.StatusBadRequest, "invalid_grant")
	}
	return v.next(), nil
}

func (v *vendor) wantCalls(t *testing.T, want int) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.calls != want {
		t.Errorf("the vendor was called %d times, want %d", v.calls, want)
	}
}

// vendorError is an error answer of the vendor.
func vendorError(status int, code string) error {
	return &oauth2.RetrieveError{Response: &http.Response{StatusCode: status}, ErrorCode: code}
}

// losing returns a refresh function whose first calls are lost: before they reach the
// vendor, or the answer after.
func (v *vendor) losing(before, after int) tokenstore.RefreshFunc {
	return func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
		if before > 0 {
			before--
			return nil, errLost
		}
		token, err := v.refresh(ctx, old)
		if after > 0 {
			after--
			return nil, errLost
		}
		return token, err
	}
}

// late returns a refresh function whose answer takes that long, whatever the deadline.
func (v *vendor) late(after time.Duration) tokenstore.RefreshFunc {
	return func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
		token, err := v.refresh(ctx, old)
		time.Sleep(after)
		return token, err
	}
}

// fleet is what the sources of several processes share: a store with one grant, and the
// vendor that issued it.
type fleet struct {
	store  *storetest.Hook
	vendor *vendor
}

// setup returns a fleet whose grant is stored, with an access token that has expired.
func setup(t *testing.T) *fleet {
	t.Helper()
	f := setupFresh(t)
	time.Sleep(2 * time.Hour)
	return f
}

// setupFresh returns a fleet whose grant is stored and good for an hour.
func setupFresh(t *testing.T) *fleet {
	t.Helper()
	f := setupEmpty(t)
	f.install(t, "first")
	return f
}

// setupEmpty returns a fleet without a grant.
func setupEmpty(t *testing.T) *fleet {
	t.Helper()
	return setupOn(t, tokenstore.NewMemory())
}

// setupOn returns a fleet on that store.
func setupOn(t *testing.T, store tokenstore.Store) *fleet {
	t.Helper()
	return &fleet{store: storetest.NewHook(store, storetest.Hooks{}), vendor: new(vendor)}
}

// source returns the source of a new process.
func (f *fleet) source(t *testing.T, opts ...tokenstore.Option) *tokenstore.TokenSource {
	t.Helper()
	return f.sourceWith(t, f.vendor.refresh, opts...)
}

// sourceWith returns the source of a new process that reaches the vendor by refresh.
func (f *fleet) sourceWith(
	t *testing.T, refresh tokenstore.RefreshFunc, opts ...tokenstore.Option,
) *tokenstore.TokenSource {
	t.Helper()
	source, err := tokenstore.NewTokenSource(f.store, key, refresh, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// install stores a new consent, as another process would.
func (f *fleet) install(t *testing.T, installation string) {
	t.Helper()
	if err := f.source(t).Save(t.Context(), installation, f.vendor.install()); err != nil {
		t.Fatal(err)
	}
}

// grant returns the stored grant, and its record.
func (f *fleet) grant(t *testing.T) (stored, tokenstore.Record) {
	t.Helper()
	record, err := f.store.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	var grant stored
	if err := json.Unmarshal(record.Value, &grant); err != nil {
		t.Fatal(err)
	}
	return grant, record
}

// writeRaw replaces the record by one with that value.
func (f *fleet) writeRaw(t *testing.T, value string) {
	t.Helper()
	now, _ := f.store.Get(t.Context(), key)
	if _, err := f.store.Put(t.Context(), key, tokenstore.Record{Value: []byte(value), Version: now.Version}); err != nil {
		t.Fatal(err)
	}
}

// storeDown returns hooks of a store that does not answer.
func storeDown() storetest.Hooks {
	return storetest.Hooks{
		BeforeGet: func(context.Context, string) error { return errLost },
		BeforePut: putNever(errLost),
	}
}

// putNever is a BeforePut: nothing is written, and the Put fails with err.
func putNever(err error) func(context.Context, string, tokenstore.Record) error {
	return func(context.Context, string, tokenstore.Record) error { return err }
}

// putSlowly is a BeforePut: the write takes that long.
func putSlowly(delay time.Duration) func(context.Context, string, tokenstore.Record) error {
	return func(context.Context, string, tokenstore.Record) error {
		time.Sleep(delay)
		return nil
	}
}

// replyLost is an AfterPut: the Put fails with err whatever became of it.
func replyLost(err error) func(context.Context, string, tokenstore.Record, error) error {
	return func(context.Context, string, tokenstore.Record, error) error { return err }
}

func wantToken(t *testing.T, source *tokenstore.TokenSource, want string) *oauth2.Token {
	t.Helper()
	token, err := source.Token(t.Context())
	if err != nil {
		t.Fatalf("Token = %v, want %s", err, want)
	}
	if token.AccessToken != want {
		t.Fatalf("Token = %s, want %s", token.AccessToken, want)
	}
	return token
}

// stored is the grant record as any program may read it.
type stored struct {
	Installation string
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token"`
	Expiry       time.Time `json:"expiry"`
	Lease        *struct {
		Owner string
		Until time.Time
	}
	Rejected *struct{ Reason string }
}

func wantNoSecret(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{"access-", "refresh-"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q holds a token", text)
		}
	}
}

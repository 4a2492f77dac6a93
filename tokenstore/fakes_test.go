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

// install returns the token of a consent.
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

// refresh is an honest tokenstore.RefreshFunc.
func (v *vendor) refresh(_ context.Context, old *oauth2.Token) (*oauth2.Token, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls++
	if old.RefreshToken != v.valid {
		return nil, refusal(http.StatusBadRequest, "invalid_grant")
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

func refusal(status int, code string) error {
	return &oauth2.RetrieveError{Response: &http.Response{StatusCode: status}, ErrorCode: code}
}

// losing is a road to the vendor that loses the first calls: before they arrive, or the answer after.
func losing(v *vendor, before, after int) tokenstore.RefreshFunc {
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

// late is a road to the vendor that delivers the answer, whatever the caller's deadline, after so long.
func late(v *vendor, after time.Duration) tokenstore.RefreshFunc {
	return func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
		token, err := v.refresh(ctx, old)
		time.Sleep(after)
		return token, err
	}
}

// faultyStore lets a test stand between a source and its store. A hook calls do, or does not, and answers as it likes.
type faultyStore struct {
	tokenstore.Store

	mu    sync.Mutex
	onGet func(do func() error) error
	onPut func(do func() error) error
	gets  int
}

func newFaultyStore() *faultyStore {
	return &faultyStore{Store: tokenstore.NewMemory()}
}

func (s *faultyStore) set(onGet, onPut func(do func() error) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onGet, s.onPut = onGet, onPut
}

func (s *faultyStore) Get(ctx context.Context, key string) (r tokenstore.Record, err error) {
	s.mu.Lock()
	hook := s.onGet
	s.gets++
	s.mu.Unlock()
	do := func() error {
		r, err = s.Store.Get(ctx, key)
		return err
	}
	if hook == nil {
		return r, do()
	}
	return r, hook(do)
}

func (s *faultyStore) Put(ctx context.Context, key string, r tokenstore.Record) (version string, err error) {
	s.mu.Lock()
	hook := s.onPut
	s.mu.Unlock()
	do := func() error {
		version, err = s.Store.Put(ctx, key, r)
		return err
	}
	if hook == nil {
		err = do()
		return version, err
	}
	err = hook(do)
	return version, err
}

// newSource is one process of the fleet.
func newSource(
	t *testing.T, store tokenstore.Store, refresh tokenstore.RefreshFunc, opts ...tokenstore.Option,
) *tokenstore.TokenSource {
	t.Helper()
	source, err := tokenstore.NewTokenSource(store, key, refresh, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// install stores a consent as another process would.
func install(t *testing.T, store tokenstore.Store, v *vendor, installation string) {
	t.Helper()
	if err := newSource(t, store, v.refresh).Save(t.Context(), installation, v.install()); err != nil {
		t.Fatal(err)
	}
}

// installExpired stores a consent and lets its access token expire.
func installExpired(t *testing.T, store tokenstore.Store, v *vendor) {
	t.Helper()
	install(t, store, v, "first")
	time.Sleep(2 * time.Hour)
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

func readGrant(t *testing.T, store tokenstore.Store) (stored, tokenstore.Record) {
	t.Helper()
	record, err := store.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	var grant stored
	if err := json.Unmarshal(record.Value, &grant); err != nil {
		t.Fatal(err)
	}
	return grant, record
}

// writeRaw puts a record in place of the one that is there.
func writeRaw(t *testing.T, store tokenstore.Store, value string) {
	t.Helper()
	now, _ := store.Get(t.Context(), key)
	if _, err := store.Put(t.Context(), key, tokenstore.Record{Value: []byte(value), Version: now.Version}); err != nil {
		t.Fatal(err)
	}
}

func wantNoSecret(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{"access-", "refresh-"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q holds a token", text)
		}
	}
}

package tokenstore_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
)

// keyOf is an entry of a keyring: the id and a key made of one byte.
func keyOf(id string, b byte) string {
	return id + ":" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32))
}

var (
	oldKeys     = keyOf("2026", 1)
	newKeys     = keyOf("2027", 2)
	rotatedKeys = newKeys + ", " + oldKeys
)

func parseKeyring(t testing.TB, keys string) tokenstore.AEAD {
	t.Helper()
	ring, err := tokenstore.ParseKeyring(keys)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func seal(t testing.TB, store tokenstore.Store, keys tokenstore.AEAD) tokenstore.Store {
	t.Helper()
	sealed, err := tokenstore.Sealed(store, keys)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func put(t testing.TB, store tokenstore.Store, key, value string) {
	t.Helper()
	now, _ := store.Get(t.Context(), key)
	r := tokenstore.Record{Value: []byte(value), Version: now.Version}
	if _, err := store.Put(t.Context(), key, r); err != nil {
		t.Fatal(err)
	}
}

func wantValue(t testing.TB, store tokenstore.Store, key, want string) {
	t.Helper()
	r, err := store.Get(t.Context(), key)
	if err != nil || string(r.Value) != want {
		t.Errorf("Get(%q) = %q, %v, want %q", key, r.Value, err, want)
	}
}

// The second instance and the one after the restart have rotated their keys.
func TestSealedKeepsTheContract(t *testing.T) {
	t.Parallel()
	openTwo := func(t *testing.T) (one, other tokenstore.Store) {
		t.Helper()
		memory := tokenstore.NewMemory()
		return seal(t, memory, parseKeyring(t, oldKeys+","+newKeys)), seal(t, memory, parseKeyring(t, rotatedKeys))
	}
	storetest.Run(t, func(t *testing.T) tokenstore.Store {
		t.Helper()
		return seal(t, tokenstore.NewMemory(), parseKeyring(t, oldKeys))
	}, storetest.WithSecondInstance(openTwo), storetest.WithReopen(func(t *testing.T) (tokenstore.Store, func() tokenstore.Store) {
		t.Helper()
		before, after := openTwo(t)
		return before, func() tokenstore.Store { return after }
	}))
}

func TestSealedRejectsMissingArguments(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func() (tokenstore.Store, error){
		"no store": func() (tokenstore.Store, error) { return tokenstore.Sealed(nil, parseKeyring(t, oldKeys)) },
		"no keys":  func() (tokenstore.Store, error) { return tokenstore.Sealed(tokenstore.NewMemory(), nil) },
	} {
		if _, err := open(); !errors.Is(err, tokenstore.ErrInvalid) {
			t.Errorf("%s: Sealed = %v, want ErrInvalid", name, err)
		}
	}
}

func TestSealedLeavesNothingOfAValueInTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		memory := tokenstore.NewMemory()
		f := setupOn(t, seal(t, memory, parseKeyring(t, oldKeys)))
		f.install(t, "first")
		wantToken(t, f.source(t), "access-1")

		record, err := memory.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		for _, plain := range []string{"access", "refresh", "first", "format", "zoom"} {
			if bytes.Contains(record.Value, []byte(plain)) {
				t.Errorf("the stored value holds %q", plain)
			}
		}
		if record.DueAt.IsZero() {
			t.Error("the stored record is never due, want the keep-alive in plain")
		}
	})
}

func TestSealedTellsNoTwoValuesApartOrAlike(t *testing.T) {
	t.Parallel()
	memory := tokenstore.NewMemory()
	store := seal(t, memory, parseKeyring(t, oldKeys))
	seen := make(map[string]bool)
	for range 100 {
		put(t, store, key, "the same")
		r, err := memory.Get(t.Context(), key)
		if err != nil || seen[string(r.Value)] {
			t.Fatalf("Get = %v, and the same value was sealed to the same bytes: %v", err, seen[string(r.Value)])
		}
		seen[string(r.Value)] = true
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	memory := tokenstore.NewMemory()
	before := seal(t, memory, parseKeyring(t, oldKeys))
	added := seal(t, memory, parseKeyring(t, oldKeys+","+newKeys))
	moved := seal(t, memory, parseKeyring(t, rotatedKeys))
	after := seal(t, memory, parseKeyring(t, newKeys))

	put(t, before, key, "sealed with 2026")
	wantValue(t, moved, key, "sealed with 2026")

	put(t, added, key, "still with 2026")
	wantValue(t, before, key, "still with 2026")

	put(t, moved, key, "with 2027")
	wantValue(t, added, key, "with 2027")
	wantValue(t, after, key, "with 2027")

	_, err := before.Get(t.Context(), key)
	if !errors.Is(err, tokenstore.ErrUnreadable) || !strings.Contains(err.Error(), `"2027"`) {
		t.Errorf("Get without the new key = %v, want ErrUnreadable that names the key", err)
	}
}

func TestAValueThatCannotBeOpenedIsUnreadable(t *testing.T) {
	t.Parallel()
	const secret = "the secret value"
	tests := []struct {
		name  string
		spoil func(sealed []byte) []byte
	}{
		{"plain text of a store that was not sealed", func([]byte) []byte { return []byte(`{"format":1,"s":"the secret value"}`) }},
		{"nothing", func([]byte) []byte { return nil }},
		{"the format alone", func(sealed []byte) []byte { return sealed[:1] }},
		{"half an id", func(sealed []byte) []byte { return sealed[:4] }},
		{"the id alone", func(sealed []byte) []byte { return sealed[:6] }},
		{"half a nonce", func(sealed []byte) []byte { return sealed[:12] }},
		{"no tag", func(sealed []byte) []byte { return sealed[:len(sealed)-16] }},
		{"the last byte missing", func(sealed []byte) []byte { return sealed[:len(sealed)-1] }},
		{"a byte more", func(sealed []byte) []byte { return append(sealed, 0) }},
		{"another format", func(sealed []byte) []byte { sealed[0]++; return sealed }},
		{"no end of the id", func(sealed []byte) []byte { sealed[5] = ';'; return sealed }},
		{"another key that is in the ring", func(sealed []byte) []byte { return bytes.Replace(sealed, []byte("2026"), []byte("2027"), 1) }},
		{"a key that is not in the ring", func(sealed []byte) []byte { return bytes.Replace(sealed, []byte("2026"), []byte("2028"), 1) }},
		{"an id that is none", func(sealed []byte) []byte { sealed[1] = '\n'; return sealed }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			memory := tokenstore.NewMemory()
			store := seal(t, memory, parseKeyring(t, oldKeys+","+newKeys))
			put(t, store, key, secret)
			inner, err := memory.Get(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			inner.Value = test.spoil(inner.Value)
			inner.DueAt = time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
			if inner.Version, err = memory.Put(t.Context(), key, inner); err != nil {
				t.Fatal(err)
			}

			r, err := store.Get(t.Context(), key)
			if !errors.Is(err, tokenstore.ErrUnreadable) || errors.Is(err, tokenstore.ErrNotFound) {
				t.Fatalf("Get = %v, want ErrUnreadable", err)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error %q holds the value", err)
			}
			if r.Value != nil || r.Version != inner.Version || r.DueAt != inner.DueAt {
				t.Errorf("record beside the error = %+v, want the version and times and no value", r)
			}
			put(t, store, key, "written over")
			wantValue(t, store, key, "written over")
		})
	}
}

func TestAnyBitThatIsChangedIsSeen(t *testing.T) {
	t.Parallel()
	ring, sealed := parseKeyring(t, oldKeys), genuine(t)
	for i := range 8 * len(sealed) {
		changed := bytes.Clone(sealed)
		changed[i/8] ^= 1 << (i % 8)
		if plain, err := ring.Decrypt(changed, []byte(key)); err == nil {
			t.Errorf("with bit %d changed Decrypt = %q, want an error", i, plain)
		}
	}
}

func TestAValueMovedToAnotherRecordIsUnreadable(t *testing.T) {
	t.Parallel()
	memory := tokenstore.NewMemory()
	store := seal(t, memory, parseKeyring(t, oldKeys))
	grants := []string{"grant/acme/zoom", "grant/other/zoom"}
	values := make(map[string][]byte)
	for _, grant := range grants {
		put(t, store, grant, "of "+grant)
		r, err := memory.Get(t.Context(), grant)
		if err != nil {
			t.Fatal(err)
		}
		values[grant] = r.Value
	}
	put(t, memory, grants[0], string(values[grants[1]]))
	put(t, memory, grants[1], string(values[grants[0]]))
	for _, grant := range grants {
		if _, err := store.Get(t.Context(), grant); !errors.Is(err, tokenstore.ErrUnreadable) {
			t.Errorf("Get(%q) = %v, want ErrUnreadable", grant, err)
		}
	}
}

func TestSealedPassesOnWhatTheStoreSays(t *testing.T) {
	t.Parallel()
	inner := storetest.NewHook(tokenstore.NewMemory(), storetest.Hooks{})
	store := seal(t, inner, parseKeyring(t, oldKeys))
	inner.Set(storeDown())
	if _, err := store.Get(t.Context(), key); !errors.Is(err, errLost) || errors.Is(err, tokenstore.ErrUnreadable) {
		t.Errorf("Get = %v, want the store's error alone", err)
	}
	if _, err := store.Put(t.Context(), key, tokenstore.Record{}); !errors.Is(err, errLost) {
		t.Errorf("Put = %v, want the store's error", err)
	}
}

// tinkAEAD is what Tink's AEAD looks like from here: opaque errors, a prefix of its own,
// and perhaps a service behind it.
type tinkAEAD struct {
	tokenstore.AEAD

	mu   sync.Mutex
	down error
}

const tinkPrefix = "\x01\xde\xad\xbe\xef"

// set makes every call fail, or work again.
func (a *tinkAEAD) set(down error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down = down
}

func (a *tinkAEAD) Encrypt(plaintext, associatedData []byte) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.down != nil {
		return nil, a.down
	}
	ciphertext, err := a.AEAD.Encrypt(plaintext, associatedData)
	return append([]byte(tinkPrefix), ciphertext...), err
}

func (a *tinkAEAD) Decrypt(ciphertext, associatedData []byte) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.down != nil {
		return nil, a.down
	}
	ciphertext, found := bytes.CutPrefix(ciphertext, []byte(tinkPrefix))
	if !found {
		return nil, errors.New("aead_factory: decryption failed")
	}
	return a.AEAD.Decrypt(ciphertext, associatedData)
}

func TestSealedTakesAnAEADWithTinksMethods(t *testing.T) {
	t.Parallel()
	memory := tokenstore.NewMemory()
	keyset := &tinkAEAD{AEAD: parseKeyring(t, oldKeys)}
	store := seal(t, memory, keyset)
	put(t, store, key, "first")
	wantValue(t, store, key, "first")

	keyset.set(errLost)
	if _, err := store.Get(t.Context(), key); !errors.Is(err, tokenstore.ErrUnreadable) || !errors.Is(err, errLost) {
		t.Errorf("Get without the service = %v, want ErrUnreadable and the cause", err)
	}
	if _, err := store.Put(t.Context(), "grant/new", tokenstore.Record{}); !errors.Is(err, errLost) {
		t.Errorf("Put without the service = %v, want the cause", err)
	}
	if _, err := memory.Get(t.Context(), "grant/new"); !errors.Is(err, tokenstore.ErrNotFound) {
		t.Errorf("what could not be sealed was written: Get = %v, want ErrNotFound", err)
	}
}

func TestParseKeyringRejectsInvalidText(t *testing.T) {
	t.Parallel()
	const secret = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
	tests := []struct{ name, keys, want string }{
		{"nothing", "", "entry 1 must be"},
		{"a key without an id", secret, "entry 1 must be"},
		{"an empty id", ":" + secret, "entry 1 must be"},
		{"an id with a space", "a b:" + secret, "entry 1 must be"},
		{"an id that is not ASCII", "ключ:" + secret, "entry 1 must be"},
		{"the key in place of the id", secret + ":" + secret, "entry 1 must be"},
		{"a short key", "a:AQEB", "entry 1 must be"},
		{"a key that is not base64", "a:" + strings.Repeat("?", 44), "entry 1 must be"},
		{"an entry too many", keyOf("a", 1) + ",", "entry 2 must be"},
		{"the same id twice", keyOf("a", 1) + "," + keyOf("a", 2), "entry 2 has the id of another one"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ring, err := tokenstore.ParseKeyring(test.keys)
			if ring != nil || !errors.Is(err, tokenstore.ErrInvalid) || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("ParseKeyring = %v, %v, want ErrInvalid that says %q", ring, err, test.want)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error %q holds a key", err)
			}
		})
	}
}

func TestAKeyringPrintsNoKey(t *testing.T) {
	t.Parallel()
	ring := parseKeyring(t, keyOf("2026", 'k'))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, ring); got != "[redacted]" {
			t.Errorf("%s prints %q, want [redacted]", verb, got)
		}
	}
}

// genuine is "value" as an earlier program sealed it with oldKeys, in the record of key.
func genuine(t testing.TB) []byte {
	t.Helper()
	sealed, err := base64.StdEncoding.DecodeString("ATIwMjY6Kw5LWTdVHFJ7eBW36qYwrc0vZY8X2fHrs55it8V5AfD4")
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestWhatIsSealedTodayOpensTomorrow(t *testing.T) {
	t.Parallel()
	plain, err := parseKeyring(t, rotatedKeys).Decrypt(genuine(t), []byte(key))
	if err != nil || string(plain) != "value" {
		t.Errorf("Decrypt = %q, %v, want the value: the stored format has changed", plain, err)
	}
}

func FuzzKeyringOpen(f *testing.F) {
	ring, genuine := parseKeyring(f, rotatedKeys), genuine(f)
	f.Add(genuine, []byte(key))
	f.Add(genuine[:6], []byte(key))
	f.Add([]byte(`{"format":1}`), []byte(key))
	f.Add([]byte("\x01:"), []byte{})
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, sealed, record []byte) {
		before := bytes.Clone(sealed)
		plain, err := ring.Decrypt(sealed, record)
		if !bytes.Equal(sealed, before) {
			t.Error("Decrypt changed what it was given")
		}
		if err == nil && (!bytes.Equal(sealed, genuine) || !bytes.Equal(record, []byte(key))) {
			t.Errorf("Decrypt(%q, %q) = %q: it opened what was never sealed", sealed, record, plain)
		}
	})
}

func FuzzParseKeyring(f *testing.F) {
	f.Add(rotatedKeys)
	f.Add("a:b,c")
	f.Fuzz(func(t *testing.T, keys string) {
		ring, err := tokenstore.ParseKeyring(keys)
		if err != nil {
			return
		}
		sealed, err := ring.Encrypt([]byte("value"), []byte(key))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := ring.Decrypt(sealed, []byte(key)); err != nil || string(plain) != "value" {
			t.Errorf("Decrypt = %q, %v, want what was sealed", plain, err)
		}
	})
}

func ExampleSealed() {
	ctx := context.Background()
	// From the setting STORE_KEYS. The first key seals, both open.
	keys, err := tokenstore.ParseKeyring(
		"2027:SnRr3YYfJHHnvd+vz0JpvIhSWXxMVcSaP6qPRQ8dy9Y=,2026:cWWPe6wkxEWGmHNaJLY2wWG6GZzzGXqO3MVeXJ2kIhw=")
	if err != nil {
		fmt.Println(err)
		return
	}
	database := tokenstore.NewMemory()
	store, err := tokenstore.Sealed(database, keys)
	if err != nil {
		fmt.Println(err)
		return
	}

	if _, err := store.Put(ctx, "grant/acme/zoom", tokenstore.Record{Value: []byte("refresh token")}); err != nil {
		fmt.Println(err)
		return
	}
	opened, err := store.Get(ctx, "grant/acme/zoom")
	fmt.Printf("%s %v\n", opened.Value, err)

	stolen, err := database.Get(ctx, "grant/acme/zoom")
	fmt.Println(bytes.Contains(stolen.Value, []byte("refresh")), err)
	// Output:
	// refresh token <nil>
	// false <nil>
}

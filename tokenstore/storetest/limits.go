package storetest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

func limitRules() []rule {
	return []rule{
		{"Keys of any printable bytes are kept apart", hostileKeys},
		{"Keys have up to 512 bytes", func(t testing.TB, store tokenstore.Store, space string) {
			segments := space + "/" + strings.Repeat("k", tokenstore.MaxKeyLen-len(space)-2)
			segment := space + strings.Repeat("k", tokenstore.MaxKeyLen-len(space)-1)
			for _, key := range []string{segments + "1", segments + "2", segment + "1", segment + "2"} {
				r := tokenstore.Record{Value: []byte(key), DueAt: past()}
				r.Version = mustPut(t, store, key, r)
				wantRecord(t, store, key, r)
				wantDue(t, store, key, soon(), key)
			}
			wantPages(t, store, space, soon(), []string{segments + "1", segments + "2"}, 1)
		}},
		{"Keys that are empty, too long or not printable are ErrInvalid", invalidKeys},
		{"Values of 0 bytes, of every byte and of 256 KiB are kept", func(t testing.TB, store tokenstore.Store, space string) {
			everyByte := make([]byte, 256)
			for i := range everyByte {
				everyByte[i] = byte(i)
			}
			big := bytes.Repeat(everyByte, tokenstore.MaxValueLen/len(everyByte))
			for _, value := range [][]byte{nil, {}, {0}, everyByte, big} {
				r := tokenstore.Record{Value: value}
				r.Version = mustPut(t, store, space+"/a", r)
				wantRecord(t, store, space+"/a", r)
				mustDelete(t, store, space+"/a", r.Version)
			}
		}},
		{"Values of 256 KiB are kept in a sealed store on this one", sealedValue},
		{"Values above 260 KiB are ErrInvalid and not written", func(t testing.TB, store tokenstore.Store, space string) {
			_, err := store.Put(t.Context(), space+"/a", tokenstore.Record{Value: make([]byte, tokenstore.MaxSealedLen+1)})
			wantInvalid(t, "Put of a value that is too large", err)
			wantAbsent(t, store, space+"/a")
		}},
		{"Times are UTC, cut to milliseconds", func(t testing.TB, store tokenstore.Store, space string) {
			whole := soon().Truncate(time.Second).Add(123 * time.Millisecond)
			odd := whole.Add(999_999 * time.Nanosecond).In(time.FixedZone("elsewhere", -7*60*60))
			version := mustPut(t, store, space+"/a", tokenstore.Record{DueAt: odd, ExpiresAt: odd})
			wantRecord(t, store, space+"/a", tokenstore.Record{Version: version, DueAt: whole, ExpiresAt: whole})
			wantDue(t, store, space, whole, space+"/a")
		}},
		{"Times from 1970 to 9999 are kept", func(t testing.TB, store tokenstore.Store, space string) {
			first, last := time.UnixMilli(1).UTC(), time.Date(9999, 12, 31, 23, 59, 59, 999_000_000, time.UTC)
			ends := []tokenstore.Record{{DueAt: first, ExpiresAt: last}, {DueAt: last}}
			for i, r := range ends {
				key := space + "/" + strconv.Itoa(i)
				r.Version = mustPut(t, store, key, r)
				wantRecord(t, store, key, r)
			}
			wantDue(t, store, space, first, space+"/0")
			wantDue(t, store, space, last, space+"/0", space+"/1")
			mustPut(t, store, space+"/2", tokenstore.Record{ExpiresAt: first})
			wantAbsent(t, store, space+"/2")
		}},
		{"Times outside 1970 to 9999 are ErrInvalid and not written", func(t testing.TB, store tokenstore.Store, space string) {
			for _, at := range []time.Time{time.Unix(0, 0), time.Unix(-1, 0), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)} {
				_, err := store.Put(t.Context(), space+"/a", tokenstore.Record{DueAt: at})
				wantInvalid(t, "Put with DueAt "+at.UTC().String(), err)
				_, err = store.Put(t.Context(), space+"/a", tokenstore.Record{ExpiresAt: at})
				wantInvalid(t, "Put with ExpiresAt "+at.UTC().String(), err)
			}
			wantAbsent(t, store, space+"/a")
		}},
	}
}

// sealedValue uses the room that a store leaves for encryption.
func sealedValue(t testing.TB, store tokenstore.Store, space string) {
	keys, err := tokenstore.ParseKeyring("storetest:" + base64.StdEncoding.EncodeToString(make([]byte, 32)))
	if err != nil {
		t.Fatalf("ParseKeyring = %v, want nil", err)
	}
	sealed, err := tokenstore.Sealed(store, keys)
	if err != nil {
		t.Fatalf("Sealed = %v, want nil", err)
	}
	r := tokenstore.Record{Value: make([]byte, tokenstore.MaxValueLen)}
	r.Version = mustPut(t, sealed, space+"/a", r)
	wantRecord(t, sealed, space+"/a", r)
}

// hostileSegments have a meaning in a database, a shell, a path, a pattern or a cursor.
func hostileSegments() []string {
	return []string{
		" ", "  ", "/", "//", "/./", "/../", ".", "..", "a", "A", "%", "_", "*", "?", "[a-z]", "{tag}", "}{", "{}", "{", "}",
		"#", ":", ";", ",", "|", "1 a", "1:a", "1/a", `'; DROP TABLE records; --`, `"`, "`", `\`, `\\`, `\n`, "$1", "${x}", "%s%n",
		"%00", "%2F", "+", "&", "=", "@", "~", "<b>", "-", "--", "0", "null",
	}
}

// hostileKeys puts the hostile segments before and after the space.
func hostileKeys(t testing.TB, store tokenstore.Store, space string) {
	var keys []string
	for _, hostile := range hostileSegments() {
		keys = append(keys, space+"/"+hostile, space+hostile, hostile+space)
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	written := make(map[string]tokenstore.Record)
	for _, key := range keys {
		r := tokenstore.Record{Value: []byte(key)}
		r.Version = mustPut(t, store, key, r)
		written[key] = r
	}
	for key, r := range written {
		wantRecord(t, store, key, r)
	}
	for key, r := range written {
		mustDelete(t, store, key, r.Version)
		wantAbsent(t, store, key)
	}
}

func invalidKeys(t testing.TB, store tokenstore.Store, space string) {
	tooLong := space + strings.Repeat("k", tokenstore.MaxKeyLen+1-len(space))
	keys := []string{"", tooLong, space + "\x00", space + "\n", space + "\x1f", space + "\x7f", space + "é", space + "\xff"}
	for _, key := range keys {
		_, err := store.Get(t.Context(), key)
		wantInvalid(t, "Get", err)
		_, err = store.Put(t.Context(), key, tokenstore.Record{})
		wantInvalid(t, "Put", err)
		wantInvalid(t, "Delete", store.Delete(t.Context(), key, ""))
	}
}

func wantInvalid(t testing.TB, call string, err error) {
	t.Helper()
	if !errors.Is(err, tokenstore.ErrInvalid) {
		t.Errorf("%s = %v, want ErrInvalid", call, err)
	}
}

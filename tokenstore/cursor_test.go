package tokenstore_test

import (
	"errors"
	"testing"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

func TestACursorIsReadBack(t *testing.T) {
	t.Parallel()
	for _, want := range []tokenstore.Cursor{{}, {DueAt: 1_700_000_000_123, Key: "a key/ with spaces"}} {
		if got, err := tokenstore.ParseCursor(want.String()); err != nil || got != want {
			t.Errorf("ParseCursor(%q) = %v, %v, want %v", want.String(), got, err, want)
		}
	}
}

func TestParseCursorRejectsStrangeText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"x", "1", "1 ", " a", "0 a", "-1 a", "1.5 a", "1 a\n", "99999999999999999999 a", "bridge/acme/P1", "7 \n", "seven bridge/acme/P1",
	} {
		if c, err := tokenstore.ParseCursor(text); !errors.Is(err, tokenstore.ErrInvalid) {
			t.Errorf("ParseCursor(%q) = %v, %v, want ErrInvalid", text, c, err)
		}
	}
}

func TestCursorsAreOrderedByTimeAndThenByKey(t *testing.T) {
	t.Parallel()
	ordered := []tokenstore.Cursor{{}, {DueAt: 1, Key: "b"}, {DueAt: 2, Key: "a"}, {DueAt: 2, Key: "a/1"}, {DueAt: 10, Key: "A"}}
	for i, a := range ordered {
		for j, b := range ordered {
			want := 0
			if i < j {
				want = -1
			}
			if i > j {
				want = 1
			}
			if got := a.Compare(b); got != want {
				t.Errorf("%v.Compare(%v) = %d, want %d", a, b, got, want)
			}
		}
	}
}

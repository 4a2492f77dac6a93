package tokenstore

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Cursor is a place in the order of a listing by [Store.Due]: by time, then by key. A
// backend returns the text of the last one of a page as next and gets it back as after.
// The zero Cursor comes before all others, and its text is "".
type Cursor struct {
	DueAt int64 // Unix milliseconds
	Key   string
}

// ParseCursor reads the text of a [Cursor]. An error matches [ErrInvalid].
func ParseCursor(text string) (Cursor, error) {
	if text == "" {
		return Cursor{}, nil
	}
	millis, key, _ := strings.Cut(text, " ")
	dueAt, err := strconv.ParseInt(millis, 10, 64)
	if err != nil || dueAt < 1 || CheckKey(key) != nil {
		return Cursor{}, fmt.Errorf("%w: after is not a cursor of this store", ErrInvalid)
	}
	return Cursor{DueAt: dueAt, Key: key}, nil
}

// Compare returns -1, 0 or 1 as c is before, at or after other.
func (c Cursor) Compare(other Cursor) int {
	return cmp.Or(cmp.Compare(c.DueAt, other.DueAt), strings.Compare(c.Key, other.Key))
}

// String returns the text that [ParseCursor] reads.
func (c Cursor) String() string {
	if c == (Cursor{}) {
		return ""
	}
	return strconv.FormatInt(c.DueAt, 10) + " " + c.Key
}

package lenientjson

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// ErrNotObject reports input that is not a JSON object.
var ErrNotObject = errors.New("not a JSON object")

// minMillis is in 1973: a smaller number is no time in milliseconds.
const minMillis = 100_000_000_000

// Object is a JSON object with its values still encoded. All methods work on a nil
// Object, which has no fields.
type Object map[string]json.RawMessage

// Parse returns the JSON object in body.
func Parse(body []byte) (Object, error) {
	var o Object
	if err := json.Unmarshal(body, &o); err != nil || o == nil {
		return nil, ErrNotObject
	}
	return o, nil
}

// Has reports whether the object has a field of that name, be it null.
func (o Object) Has(name string) bool {
	_, ok := o[name]
	return ok
}

// Object returns the object under name, or nil.
func (o Object) Object(name string) Object {
	inner, err := Parse(o[name])
	if err != nil {
		return nil
	}
	return inner
}

// Objects returns the objects of the list under name. Elements of other types are left
// out.
func (o Object) Objects(name string) []Object {
	var objects []Object
	for _, element := range o.list(name) {
		if inner, err := Parse(element); err == nil {
			objects = append(objects, inner)
		}
	}
	return objects
}

// String returns the first string under one of the names that is not empty. A number is
// returned as its digits.
func (o Object) String(names ...string) string {
	for _, name := range names {
		if s, ok := Scalar(o[name]); ok && s != "" {
			return s
		}
	}
	return ""
}

// Strings returns the strings of the list under name, and its numbers as their digits.
// Empty ones and elements of other types are left out.
func (o Object) Strings(name string) []string {
	var texts []string
	for _, element := range o.list(name) {
		if s, ok := Scalar(element); ok && s != "" {
			texts = append(texts, s)
		}
	}
	return texts
}

// Int returns the first whole number under one of the names that is not 0, also from a
// string.
func (o Object) Int(names ...string) int64 {
	for _, name := range names {
		if n, ok := parseInt(o.String(name)); ok && n != 0 {
			return n
		}
	}
	return 0
}

// IntPtr returns the whole number under name, also from a string, or nil.
func (o Object) IntPtr(name string) *int {
	n, ok := parseInt(o.String(name))
	if !ok || n != int64(int(n)) {
		return nil
	}
	return new(int(n))
}

// Bool reports whether true is under name, also as a string.
func (o Object) Bool(name string) bool {
	b := o.BoolPtr(name)
	return b != nil && *b
}

// BoolPtr returns the boolean under name, also from a string, or nil.
func (o Object) BoolPtr(name string) *bool {
	var b *bool
	if json.Unmarshal(o[name], &b) == nil {
		return b
	}
	if b, err := strconv.ParseBool(o.String(name)); err == nil {
		return &b
	}
	return nil
}

// Time returns the time under name in UTC: an ISO 8601 date-time, in UTC when it names no
// zone, or milliseconds since 1970. Anything else is the zero time.
func (o Object) Time(name string) time.Time {
	s := strings.TrimSpace(o.String(name))
	if ms, ok := parseInt(s); ok && ms >= minMillis {
		return time.UnixMilli(ms).UTC()
	}
	for _, layout := range []string{
		time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", time.DateTime, "2006-01-02 15:04:05 Z0700",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

func (o Object) list(name string) []json.RawMessage {
	var elements []json.RawMessage
	if json.Unmarshal(o[name], &elements) != nil {
		return nil
	}
	return elements
}

// Scalar returns a JSON string, or a JSON number as its digits. ok is false for anything
// else, null and nothing among it.
func Scalar(raw json.RawMessage) (s string, ok bool) {
	if strings.HasPrefix(string(raw), `"`) {
		err := json.Unmarshal(raw, &s)
		return s, err == nil
	}
	var n json.Number
	if json.Unmarshal(raw, &n) != nil || n == "" {
		return "", false
	}
	if f, err := n.Float64(); err == nil && strings.ContainsAny(n.String(), ".eE") && f == math.Trunc(f) {
		return strconv.FormatFloat(f, 'f', -1, 64), true
	}
	return n.String(), true
}

// parseInt also reads whole numbers that are written with a point or an exponent, as far
// as a float64 is exact.
func parseInt(s string) (int64, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

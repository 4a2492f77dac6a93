package zoom

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// object is a JSON object whose fields are read one at a time, so that a field which Zoom sends in another shape than
// expected costs that field and never the whole answer.
type object map[string]json.RawMessage

var errNotAnObject = errors.New("not a JSON object")

func parseObject(body []byte) (object, error) {
	var o object
	if err := json.Unmarshal(body, &o); err != nil || o == nil {
		return nil, errNotAnObject
	}
	return o, nil
}

// text reads a string; a number is given as its digits, anything else as "".
func (o object) text(key string) string {
	raw := o[key]
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	if n, ok := asInteger(string(raw)); ok {
		return strconv.FormatInt(n, 10)
	}
	return ""
}

// integer reads a whole number, also from a string; anything else is 0.
func (o object) integer(key string) int64 {
	n, _ := asInteger(o.text(key))
	return n
}

func asInteger(s string) (int64, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// count reads a whole number that may be absent.
func (o object) count(key string) *int {
	n, ok := asInteger(o.text(key))
	if !ok || n != int64(int(n)) {
		return nil
	}
	return new(int(n))
}

// flag reads a boolean that may be absent.
func (o object) flag(key string) *bool {
	var b *bool
	if json.Unmarshal(o[key], &b) == nil {
		return b
	}
	if b, err := strconv.ParseBool(o.text(key)); err == nil {
		return &b
	}
	return nil
}

// object reads a nested object; a missing one can still be asked for its fields.
func (o object) object(key string) object {
	nested, _ := parseObject(o[key])
	return nested
}

// objects reads a list of objects and leaves out what is none.
func (o object) objects(key string) []object {
	var list []json.RawMessage
	_ = json.Unmarshal(o[key], &list)
	var objects []object
	for _, raw := range list {
		if nested, err := parseObject(raw); err == nil {
			objects = append(objects, nested)
		}
	}
	return objects
}

// texts reads a list of strings and leaves out what is none.
func (o object) texts(key string) []string {
	var list []json.RawMessage
	_ = json.Unmarshal(o[key], &list)
	var texts []string
	for _, raw := range list {
		var s string
		if json.Unmarshal(raw, &s) == nil && s != "" {
			texts = append(texts, s)
		}
	}
	return texts
}

// semicolons reads a string that is a list.
func (o object) semicolons(key string) []string {
	var texts []string
	for text := range strings.SplitSeq(o.text(key), ";") {
		if text = strings.TrimSpace(text); text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// time reads an ISO time (UTC when it names no zone) or milliseconds since 1970; anything else is the zero time.
func (o object) time(key string) time.Time {
	s := strings.TrimSpace(o.text(key))
	if ms, ok := asInteger(s); ok && ms > 0 {
		return time.UnixMilli(ms).UTC()
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateTime} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// minutes reads a whole number of minutes; what no meeting can last is 0.
func (o object) minutes(key string) time.Duration {
	n := o.integer(key)
	if n < 0 || n > 1<<20 {
		return 0
	}
	return time.Duration(n) * time.Minute
}

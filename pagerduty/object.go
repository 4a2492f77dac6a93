package pagerduty

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// object is a JSON object read without trust: a field that is missing, null or of another type is its zero value.
// PagerDuty's payloads differ between REST, V2 and V3, and one odd field must never cost the incident its call.
type object map[string]json.RawMessage

func parseObject(raw []byte) (object, bool) {
	var o object
	if json.Unmarshal(raw, &o) != nil || o == nil {
		return nil, false
	}
	return o, true
}

// object is the object under name, or nil.
func (o object) object(name string) object {
	inner, _ := parseObject(o[name])
	return inner
}

// objects are the objects of the list under name; what is no object is left out.
func (o object) objects(name string) []object {
	var elements []json.RawMessage
	if json.Unmarshal(o[name], &elements) != nil {
		return nil
	}
	var found []object
	for _, element := range elements {
		if inner, ok := parseObject(element); ok {
			found = append(found, inner)
		}
	}
	return found
}

// text is the first text under one of the names; a number counts as its digits.
func (o object) text(names ...string) string {
	for _, name := range names {
		if text, _ := scalar(o[name]); text != "" {
			return text
		}
	}
	return ""
}

// texts are the texts of the list under name; what is none is left out.
func (o object) texts(name string) []string {
	var elements []json.RawMessage
	if json.Unmarshal(o[name], &elements) != nil {
		return nil
	}
	var found []string
	for _, element := range elements {
		if text, _ := scalar(element); text != "" {
			found = append(found, text)
		}
	}
	return found
}

// truth reports whether true stands under name.
func (o object) truth(name string) bool { return string(o[name]) == "true" }

// number is the first positive whole number under one of the names, written as a number or as a text.
func (o object) number(names ...string) int {
	for _, name := range names {
		if n, err := strconv.Atoi(o.text(name)); err == nil && n > 0 {
			return n
		}
	}
	return 0
}

// time is the time under name, in UTC.
func (o object) time(name string) time.Time {
	text := o.text(name)
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05 Z0700"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}

// reference is what o refers to; nil when it names nothing.
func (o object) reference() *Reference {
	r := Reference{ID: o.text("id"), Type: o.text("type"), Summary: o.text("summary", "name")}
	if r.ID == "" && r.Summary == "" {
		return nil
	}
	return &r
}

func references(objects []object) []Reference {
	var found []Reference
	for _, o := range objects {
		if r := o.reference(); r != nil {
			found = append(found, *r)
		}
	}
	return found
}

// scalar reads a text or a number; ok is false for anything else, null among it.
func scalar(raw json.RawMessage) (text string, ok bool) {
	if strings.HasPrefix(string(raw), `"`) {
		err := json.Unmarshal(raw, &text)
		return text, err == nil
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

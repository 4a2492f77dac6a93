package awslambda

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// singles is an object of texts, {"name":"value"}, as a header. Every event has one, and read into a map it would cost
// three allocations for each header.
type singles http.Header

// UnmarshalJSON reads valid JSON. A name without a value, which is null, is left out.
func (s *singles) UnmarshalJSON(valid []byte) error {
	const blanks = " \t\r\n"
	rest := string(valid) // one copy for all names and values
	if rest == "null" {
		return nil
	}
	header := make(http.Header, strings.Count(rest, `":`))
	values := make([]string, 0, strings.Count(rest, `":`))
	rest = strings.TrimLeft(rest, "{"+blanks)
	for strings.HasPrefix(rest, `"`) {
		var name, value string
		name, rest = cutText(rest)
		rest = strings.TrimLeft(rest, ":"+blanks)
		switch {
		case strings.HasPrefix(rest, `"`):
			value, rest = cutText(rest)
			values = append(values, value)
			put(header, name, values[len(values)-1:len(values):len(values)])
		case strings.HasPrefix(rest, "null"):
			rest = strings.TrimPrefix(rest, "null")
		default:
			return errors.New("a header is not a text")
		}
		rest = strings.TrimLeft(rest, ","+blanks)
	}
	if rest != "}" {
		return errors.New("the headers are not an object")
	}
	*s = singles(header)
	return nil
}

// cutText takes the JSON text off that s begins with.
func cutText(s string) (text, rest string) {
	escaped := false
	end := 1
	for s[end] != '"' {
		if s[end] == '\\' {
			escaped = true
			end++
		}
		end++
	}
	if !escaped {
		return s[1:end], s[end+1:]
	}
	var plain string
	_ = json.Unmarshal([]byte(s[:end+1]), &plain) // it is valid
	return plain, s[end+1:]
}

// header has each value as it is in the event: format 2.0 joins what was sent several times with commas, and a value may
// have commas of its own, so nobody can tell.
func (e *event) header() http.Header {
	header := http.Header(e.Headers)
	if header == nil || e.MultiValueHeaders != nil {
		header = make(http.Header, len(e.MultiValueHeaders)+2)
	}
	for name, values := range e.MultiValueHeaders {
		put(header, name, values)
	}
	if len(e.Cookies) > 0 {
		put(header, "Cookie", []string{strings.Join(e.Cookies, "; ")})
	}
	return header
}

func put(header http.Header, name string, values []string) {
	name = textproto.CanonicalMIMEHeaderKey(name)
	if there, ok := header[name]; ok {
		values = append(slices.Clip(there), values...)
	}
	header[name] = values
}

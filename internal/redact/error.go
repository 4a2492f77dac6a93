package redact

import (
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

var (
	absoluteURL = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>]+`)
	credentials = regexp.MustCompile(`(?i)\b(bearer\s+|basic\s+|token\s+token=\s*)[^\s"',;()\[\]{}]+`)
)

// Error returns err with a text that is safe to log: no query, fragment or userinfo of
// any URL in it, no bearer or basic credentials. errors.Is and errors.As see what they
// saw before; a *url.Error they find is a cleaned copy.
func Error(err error) error {
	if err == nil {
		return nil
	}
	text := clean(err.Error(), err)
	if text == err.Error() {
		return err
	}
	return &cleaned{text: text, err: err}
}

type cleaned struct {
	text string
	err  error
}

func (e *cleaned) Error() string { return e.text }

// Unwrap returns the cause below the text that was cleaned.
func (e *cleaned) Unwrap() error { return e.err }

// As answers errors.As for a *url.Error, whose URL and cause would bring back what was
// taken out.
func (e *cleaned) As(target any) bool {
	out, ok := target.(**url.Error)
	if !ok {
		return false
	}
	var raw *url.Error
	if !errors.As(e.err, &raw) {
		return false
	}
	*out = &url.Error{Op: raw.Op, URL: cleanURL(raw.URL), Err: Error(raw.Err)}
	return true
}

// clean rewrites the text of err: first the URLs its parts are known to hold, which may
// be relative or broken, then whatever looks like one.
func clean(text string, err error) string {
	for _, inner := range urlErrors(err) {
		safe := cleanURL(inner.URL)
		text = strings.ReplaceAll(text, strconv.Quote(inner.URL), strconv.Quote(safe))
		if inner.Op == "parse" && inner.Err != nil { // it quotes the piece it could not read
			text = strings.ReplaceAll(text, inner.Err.Error(), "malformed URL")
		}
	}
	text = absoluteURL.ReplaceAllStringFunc(text, cleanURL)
	return credentials.ReplaceAllString(text, "${1}"+placeholder)
}

// urlErrors lists every *url.Error in err's tree.
func urlErrors(err error) []*url.Error {
	var found []*url.Error
	if here, ok := err.(*url.Error); ok { //nolint:errorlint // one node at a time
		found = append(found, here)
	}
	switch inner := err.(type) { //nolint:errorlint // one node at a time
	case interface{ Unwrap() error }:
		if next := inner.Unwrap(); next != nil {
			found = append(found, urlErrors(next)...)
		}
	case interface{ Unwrap() []error }:
		for _, next := range inner.Unwrap() {
			found = append(found, urlErrors(next)...)
		}
	}
	return found
}

// cleanURL keeps scheme, host and path. A URL that cannot be read is not shown at all.
func cleanURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" {
		return placeholder
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	return u.String()
}

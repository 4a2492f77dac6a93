package nethttp

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// answer is what a route says. Routes return it rather than write it, so that exactly one is ever sent.
type answer struct {
	status     int
	body       any // a page, a file, or else sent as JSON; a problem as application/problem+json
	header     http.Header
	code       string // for the log
	incidentID string // for the log
}

// with adds a header.
func (a answer) with(name, value string) answer {
	a.header = a.header.Clone()
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(name, value)
	return a
}

// withCookie sets a cookie beside those that are set already.
func (a answer) withCookie(c *http.Cookie) answer {
	a.header = a.header.Clone()
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Add("Set-Cookie", c.String())
	return a
}

// retryAfter asks to come back after d, in whole seconds, at least one.
func (a answer) retryAfter(d time.Duration) answer {
	seconds := max(1, int64((d+time.Second-1)/time.Second))
	return a.with("Retry-After", strconv.FormatInt(seconds, 10))
}

// coded is the body of a webhook's answer that has no bridge to show.
type coded struct {
	Code string `json:"code"`
}

// accept answers a webhook that needs no more sending, with the code that says why.
func accept(status int, code string) answer {
	return answer{status: status, body: coded{code}, code: code}
}

func (a answer) send(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	maps.Copy(header, a.header)
	contentType, body := a.encode()
	if contentType == htmlType {
		guardPage(header)
	}
	header.Set("Content-Type", contentType)
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // a caller who has gone is no fault of ours
}

const htmlType = "text/html; charset=utf-8"

// encode writes the body as its kind is sent.
func (a answer) encode() (contentType string, body []byte) {
	switch b := a.body.(type) {
	case html:
		return htmlType, b
	case asset:
		return b.contentType, b.data
	case problem:
		return "application/problem+json", line(b)
	default:
		return "application/json", line(b)
	}
}

func line(body any) []byte {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // no body of this package can fail
	}
	return append(text, '\n')
}

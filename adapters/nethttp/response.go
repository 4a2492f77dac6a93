package nethttp

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// response is what a route answers. Routes return it rather than write it, so that
// exactly one is sent.
type response struct {
	status     int
	body       any // html, asset or problem; anything else is sent as JSON
	header     http.Header
	code       string // for the log
	incidentID string // for the log
}

// with returns the response with a header set.
func (r response) with(name, value string) response {
	r.header = r.header.Clone()
	if r.header == nil {
		r.header = http.Header{}
	}
	r.header.Set(name, value)
	return r
}

// withCookie returns the response with a cookie beside those that are set already.
func (r response) withCookie(c *http.Cookie) response {
	r.header = r.header.Clone()
	if r.header == nil {
		r.header = http.Header{}
	}
	r.header.Add("Set-Cookie", c.String())
	return r
}

// retryAfter asks the caller to come back after d, in whole seconds, at least one.
func (r response) retryAfter(d time.Duration) response {
	seconds := max(1, int64((d+time.Second-1)/time.Second))
	return r.with("Retry-After", strconv.FormatInt(seconds, 10))
}

func (r response) send(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	maps.Copy(header, r.header)
	contentType, body := r.encode()
	if contentType == htmlType {
		setSecurityHeaders(header)
	}
	header.Set("Content-Type", contentType)
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(r.status)
	_, _ = w.Write(body) // the caller may be gone, which is not an error here
}

// html is the body of a response that is a page.
type html []byte

const htmlType = "text/html; charset=utf-8"

// asset is the body of a response that is an embedded file.
type asset struct {
	contentType string
	data        []byte
}

func (r response) encode() (contentType string, body []byte) {
	switch b := r.body.(type) {
	case html:
		return htmlType, b
	case asset:
		return b.contentType, b.data
	case problem:
		return "application/problem+json", jsonLine(b)
	default:
		return "application/json", jsonLine(b)
	}
}

func jsonLine(body any) []byte {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // every body type of this package can be marshaled
	}
	return append(text, '\n')
}

// setSecurityHeaders keeps a page from loading or sending anything but our own, and from
// being framed.
func setSecurityHeaders(header http.Header) {
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "+
		"base-uri 'none'; frame-ancestors 'none'")
	// Other sites are not told where a link was. With no-referrer, our own forms would
	// come without their Origin header.
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// codeBody is the body of a webhook's response that has no bridge to show.
type codeBody struct {
	Code string `json:"code"`
}

// codeResponse acknowledges a webhook that need not be sent again; the code says why.
func codeResponse(status int, code string) response {
	return response{status: status, body: codeBody{code}, code: code}
}

// seeOther redirects a browser. The location is one of our paths or an address of a
// vendor, never one taken from a request.
func seeOther(location string) response {
	return response{status: http.StatusSeeOther, body: html(nil)}.with("Location", location)
}

package fakes

import (
	"bytes"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// Exchange is a request that a fake works on.
type Exchange struct {
	*http.Request
	Content []byte    // the body; the request's own is read
	Now     time.Time // when it is worked on, which a late fault delays
}

// Answer is the response of an operation.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Work carries out an operation on the fake's state; the lock is held.
type Work func(*Exchange) Answer

// writeHeader sends everything but the body.
func (a Answer) writeHeader(w http.ResponseWriter) {
	header := w.Header()
	maps.Copy(header, a.Header)
	maps.DeleteFunc(header, func(_ string, values []string) bool { return len(values) == 0 })
	if len(a.Body) > 0 && header.Get("Content-Type") == "" {
		header.Set("Content-Type", contentType(a.Body))
	}
	if a.Status != http.StatusNoContent {
		header.Set("Content-Length", strconv.Itoa(len(a.Body)))
	}
	w.WriteHeader(a.Status)
}

func contentType(body []byte) string {
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
		return "text/html; charset=utf-8"
	}
	return "application/json; charset=utf-8"
}

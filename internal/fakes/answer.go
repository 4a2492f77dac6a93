package fakes

import (
	"bytes"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// Exchange is a request on its way through a fake.
type Exchange struct {
	*http.Request
	Content []byte    // the body; the request's own is read
	Now     time.Time // when it is worked on, which a late fault puts off
}

// Answer is what an operation says.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Work does an operation on the fake's state; the lock is held.
type Work func(*Exchange) Answer

// write sends everything but the body.
func (out Answer) write(w http.ResponseWriter) {
	header := w.Header()
	maps.Copy(header, out.Header)
	maps.DeleteFunc(header, func(_ string, values []string) bool { return len(values) == 0 })
	if len(out.Body) > 0 && header.Get("Content-Type") == "" {
		header.Set("Content-Type", contentType(out.Body))
	}
	if out.Status != http.StatusNoContent {
		header.Set("Content-Length", strconv.Itoa(len(out.Body)))
	}
	w.WriteHeader(out.Status)
}

func contentType(body []byte) string {
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
		return "text/html; charset=utf-8"
	}
	return "application/json; charset=utf-8"
}

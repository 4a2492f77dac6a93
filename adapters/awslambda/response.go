package awslambda

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"unicode/utf8"
)

const setCookie = "Set-Cookie"

// answerHTTP lets the routes answer an HTTP event, in the words of who sent it.
func (h *Handler) answerHTTP(ctx context.Context, e *event) ([]byte, error) {
	rec := newRecorder()
	r, err := e.request(ctx)
	if err != nil {
		rec.refuse(http.StatusBadRequest, "bad_request", "the body is not the base64 that the event says it is")
	} else {
		h.serve(rec, r)
		if r.Method == http.MethodHead {
			rec.body.Reset()
		}
	}
	return json.Marshal(h.reply(ctx, e, rec))
}

// serve lets the routes answer, and answers for them where they panic.
func (h *Handler) serve(rec *recorder, r *http.Request) {
	defer func() {
		fault := recover()
		if fault == nil {
			return
		}
		h.logger.LogAttrs(r.Context(), slog.LevelError, "panic while answering",
			slog.String("reason", fmt.Sprintf("%T", fault)), slog.String("stack", string(debug.Stack())))
		*rec = *newRecorder()
		rec.refuse(http.StatusServiceUnavailable, "unavailable", "")
	}()
	h.routes.ServeHTTP(rec, r)
}

// recorder is an http.ResponseWriter in memory.
type recorder struct {
	header http.Header
	status int         // zero: not written yet
	sent   http.Header // the header when the status was written
	body   bytes.Buffer
}

func newRecorder() *recorder { return &recorder{header: http.Header{}} }

// Header implements http.ResponseWriter.
func (rec *recorder) Header() http.Header { return rec.header }

// WriteHeader implements http.ResponseWriter. As in a server, the first final status counts.
func (rec *recorder) WriteHeader(status int) {
	if rec.status != 0 || status < http.StatusOK {
		return
	}
	rec.status = status
	rec.sent = rec.header.Clone()
}

// Write implements http.ResponseWriter.
func (rec *recorder) Write(p []byte) (int, error) {
	if rec.status == 0 && rec.header.Get("Content-Type") == "" {
		rec.header.Set("Content-Type", http.DetectContentType(p))
	}
	rec.WriteHeader(http.StatusOK)
	return rec.body.Write(p)
}

// refuse answers as package nethttp does where the routes cannot.
func (rec *recorder) refuse(status int, code, detail string) {
	rec.header.Set("Content-Type", "application/problem+json")
	rec.header.Set("Cache-Control", "no-store")
	rec.header.Set("X-Content-Type-Options", "nosniff")
	rec.WriteHeader(status)
	problem := map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status, "code": code, "detail": detail,
	}
	_ = json.NewEncoder(rec).Encode(problem) // into memory
}

// reply is an answer as API Gateway, function URLs and load balancers read it.
type reply struct {
	StatusCode        int                 `json:"statusCode"`
	StatusDescription string              `json:"statusDescription,omitempty"`
	Headers           map[string]string   `json:"headers,omitempty"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders,omitempty"`
	Cookies           []string            `json:"cookies,omitempty"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
}

func (h *Handler) reply(ctx context.Context, e *event, rec *recorder) reply {
	rec.WriteHeader(http.StatusOK)
	a := reply{StatusCode: rec.status}
	a.Body, a.IsBase64Encoded = encodeBody(rec)
	switch {
	case e.kind() == httpAPI:
		a.Cookies = rec.sent[setCookie]
		delete(rec.sent, setCookie)
		a.Headers = joined(rec.sent)
	case e.kind() == restAPI || e.MultiValueHeaders != nil:
		a.MultiValueHeaders = rec.sent
	default:
		if cookies := rec.sent[setCookie]; len(cookies) > 1 {
			h.logger.WarnContext(ctx, "a cookie is lost: turn on multi-value headers of the load balancer's target group")
			rec.sent[setCookie] = cookies[len(cookies)-1:]
		}
		a.Headers = joined(rec.sent)
	}
	if e.kind() == loadBalancer {
		a.StatusDescription = strings.TrimSpace(strconv.Itoa(rec.status) + " " + http.StatusText(rec.status))
	}
	return a
}

// joined has one value for each name, with commas between several, as RFC 9110 (5.3) allows for all but Set-Cookie.
func joined(header http.Header) map[string]string {
	single := make(map[string]string, len(header))
	for name, values := range header {
		single[name] = strings.Join(values, ", ")
	}
	return single
}

// encodeBody makes text of a body: JSON can hold nothing else.
func encodeBody(rec *recorder) (text string, isBase64 bool) {
	if utf8.Valid(rec.body.Bytes()) {
		return rec.body.String(), false
	}
	return base64.StdEncoding.EncodeToString(rec.body.Bytes()), true
}

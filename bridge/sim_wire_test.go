package bridge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// wire is the way from one process to one vendor.
type wire struct {
	*simulation
	program *program
	vendor  string
	next    http.RoundTripper // the fake
}

type wireAnswer struct {
	status int
	header http.Header
	body   []byte
	err    error
}

var errCrashed = errors.New("the process is dead")

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body) // in memory
		_ = r.Body.Close()
	}
	op, key := w.route(r, body)
	by := actorOf(ctx, w.program)
	if op == "token" || op == "get_user" {
		by = w.program.shared // one flight for whoever needs it: who came first is nobody's business
	}
	c := &call{by: by, op: w.vendor + " " + op, key: key, step: w.vendor + " " + op, ctx: ctx}
	c.changes = r.Method != http.MethodGet && op != "token"
	c.process = func() any {
		in := r.Clone(context.WithoutCancel(ctx))
		in.Body = io.NopCloser(bytes.NewReader(body))
		if op == "list" {
			// Small pages make a search turn them.
			query := in.URL.Query()
			query.Set("page_size", "2")
			in.URL.RawQuery = query.Encode()
		}
		answer := exchanged(w.next.RoundTrip(in))
		w.happened(c, op, key, body, answer)
		return answer
	}
	c.broken = func(f fault) any { return brokenAnswer(ctx, f) }
	switch op {
	case "create":
		_, host, _ := strings.Cut(key, " at ")
		w.sentCreate(c, host, body)
	case "update_incident":
		w.mu.Lock()
		c.seen = by.looked[key]
		w.mu.Unlock()
	}
	return w.cross(c).(wireAnswer).response(r)
}

// route names the operation of a request, and what it is about.
func (w wire) route(r *http.Request, body []byte) (op, key string) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	last := parts[len(parts)-1]
	if w.vendor == "pagerduty" {
		switch {
		case parts[0] == "users" && r.Method == http.MethodGet:
			return "get_user", last + r.URL.Query().Get("query")
		case last == "notes":
			return "add_note", parts[1]
		case r.Method == http.MethodPut:
			return "update_incident", last
		default:
			return "get_incident", last
		}
	}
	switch {
	case last == "token":
		return "token", ""
	case last == "meetings" && r.Method == http.MethodPost:
		m, _ := readMarker(string(body))
		return "create", m.incident + " at " + parts[2]
	case last == "meetings":
		return "list", parts[2] + " " + r.URL.Query().Get("next_page_token")
	case last == "status":
		return "end", parts[2]
	case r.Method == http.MethodDelete:
		return "delete", last
	default:
		return "get", last
	}
}

func exchanged(r *http.Response, err error) wireAnswer {
	if err != nil {
		return wireAnswer{err: err}
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return wireAnswer{status: r.StatusCode, header: r.Header, body: body, err: err}
}

func (a wireAnswer) response(r *http.Request) (*http.Response, error) {
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: a.header,
		Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r,
	}, nil
}

// brokenAnswer is what a client sees of a fault.
func brokenAnswer(ctx context.Context, f fault) wireAnswer {
	says := func(status int, body string) wireAnswer {
		return wireAnswer{status: status, header: http.Header{}, body: []byte(body)}
	}
	switch f {
	case hang:
		return wireAnswer{err: context.Cause(ctx)}
	case crash:
		return wireAnswer{err: errCrashed}
	case unreachable:
		return wireAnswer{err: &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}}
	case fails, failsAfter:
		return says(http.StatusBadGateway, "<html>Bad Gateway</html>")
	case limited:
		return says(http.StatusTooManyRequests, `{"code":429,"message":"A maximum of 100 meetings can be created/updated for a single user in one day."}`)
	case refused:
		return says(http.StatusForbidden, `{"error":{"code":2010,"message":"Access Denied"}}`)
	default:
		return wireAnswer{err: &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}}
	}
}

// sentBridge reads the link out of a write to an incident.
func sentBridge(body []byte) string {
	var write struct {
		Incident struct {
			Bridge struct {
				URL string `json:"conference_url"`
			} `json:"conference_bridge"`
		} `json:"incident"`
	}
	_ = json.Unmarshal(body, &write) // what is no JSON has no link
	return write.Incident.Bridge.URL
}

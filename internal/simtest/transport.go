package simtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
)

// Transport is the way from one process to one vendor: every request goes through the
// gate.
type Transport struct {
	Sim  *Sim
	Next http.RoundTripper // the fake vendor

	// Describe is a request as a call. What it returns beside is called when the vendor
	// has processed the request; nil: nothing is.
	Describe func(r *http.Request, body []byte) (c *Call, processed func(Response))
	// Rewrite changes a request before the vendor sees it; nil: nothing is changed.
	Rewrite func(c *Call, r *http.Request)
	// Broken is what a process sees of faults that only this vendor has.
	Broken map[Fault]Response
}

// Response is a vendor's answer, read to its end.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	Err    error // instead of an answer
}

func (a Response) String() string {
	if _, cut := errors.AsType[*net.OpError](a.Err); cut {
		return "cut"
	}
	return strconv.Itoa(a.Status)
}

// RoundTrip sends a request.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body) // in memory
		_ = r.Body.Close()
	}
	c, processed := t.Describe(r, body)
	c.Ctx, c.Vendor = ctx, true
	answer := Send(t.Sim, c, func() Response {
		in := r.Clone(context.WithoutCancel(ctx))
		in.Body = io.NopCloser(bytes.NewReader(body))
		if t.Rewrite != nil {
			t.Rewrite(c, in)
		}
		answer := readResponse(t.Next.RoundTrip(in))
		if processed != nil {
			processed(answer)
		}
		return answer
	}, func(f Fault) Response { return t.broken(ctx, f) })
	return answer.response(r)
}

func readResponse(r *http.Response, err error) Response {
	if err != nil {
		return Response{Err: err}
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return Response{Status: r.StatusCode, Header: r.Header, Body: body, Err: err}
}

func (a Response) response(r *http.Request) (*http.Response, error) {
	if a.Err != nil {
		return nil, a.Err
	}
	return &http.Response{
		Status: strconv.Itoa(a.Status) + " " + http.StatusText(a.Status), StatusCode: a.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: a.Header,
		Body: io.NopCloser(bytes.NewReader(a.Body)), ContentLength: int64(len(a.Body)), Request: r,
	}, nil
}

// broken is what a client sees of a fault.
func (t Transport) broken(ctx context.Context, f Fault) Response {
	if a, ok := t.Broken[f]; ok {
		a.Header = http.Header{}
		return a
	}
	switch f {
	case Hang:
		return Response{Err: context.Cause(ctx)}
	case Crash:
		return Response{Err: ErrCrashed}
	case Unreachable:
		return Response{Err: &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}}
	case Fails, FailsAfter:
		return Response{
			Status: http.StatusBadGateway, Header: http.Header{}, Body: []byte("<html>Bad Gateway</html>"),
		}
	default:
		return Response{Err: &net.OpError{
			Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET),
		}}
	}
}

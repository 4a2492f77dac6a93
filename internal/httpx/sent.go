package httpx

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// leaving watches how far a request gets on its way out.
type leaving struct {
	asked atomic.Bool // the transport reports its steps, and asked for a connection
	wrote atomic.Bool // the request may be on the wire
}

func (l *leaving) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { l.asked.Store(true) },
		GotConn: func(info httptrace.GotConnInfo) {
			// HTTP/2 writes from a goroutine that may outlast RoundTrip: with the connection it counts as gone.
			if tlsConn, ok := info.Conn.(interface{ ConnectionState() tls.ConnectionState }); ok &&
				tlsConn.ConnectionState().NegotiatedProtocol == "h2" {
				l.wrote.Store(true)
			}
		},
		// HTTP/1 calls this before the last header byte leaves its buffer, and has stopped writing when
		// RoundTrip fails.
		WroteHeaders: func() { l.wrote.Store(true) },
	}
}

// left reports whether a request that failed with err may have reached the vendor. A transport that reports
// nothing gets no benefit of the doubt, except for a dial that says it is one.
func (l *leaving) left(traced bool, err error) bool {
	if traced || l.asked.Load() {
		return l.wrote.Load()
	}
	var op *net.OpError
	return !errors.As(err, &op) || op.Op != "dial"
}

// sendOnce takes from net/http what it needs to send a request again on its own when a connection that was used
// before breaks.
func sendOnce(req *http.Request) {
	req.GetBody = nil
	if req.Body != nil {
		return
	}
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		req.Body = io.NopCloser(eof{}) // no body can be rewound, not even an empty one
	}
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// hideIdempotencyKey spells the header's name in small letters: the same on the wire, yet net/http, which takes
// it for leave to send a request without a body twice, looks for the usual spelling. No vendor of ours promises
// what the header promises.
func hideIdempotencyKey(header http.Header) {
	for usual, small := range map[string]string{
		"Idempotency-Key":   "idempotency-key",
		"X-Idempotency-Key": "x-idempotency-key",
	} {
		if values, ok := header[usual]; ok {
			delete(header, usual)
			header[small] = values
		}
	}
}

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

// sendTrace records whether a request may have reached the network.
type sendTrace struct {
	getConn      atomic.Bool // the transport reports its steps, and asked for a connection
	wroteHeaders atomic.Bool // the request may be on the wire
}

func (t *sendTrace) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { t.getConn.Store(true) },
		GotConn: func(info httptrace.GotConnInfo) {
			// HTTP/2 writes from a goroutine that may outlast RoundTrip, so the request
			// counts as sent as soon as there is a connection.
			if tlsConn, ok := info.Conn.(interface{ ConnectionState() tls.ConnectionState }); ok &&
				tlsConn.ConnectionState().NegotiatedProtocol == "h2" {
				t.wroteHeaders.Store(true)
			}
		},
		// HTTP/1 calls this before the last header byte leaves its buffer, and has
		// stopped writing when RoundTrip fails.
		WroteHeaders: func() { t.wroteHeaders.Store(true) },
	}
}

// mayHaveBeenSent reports whether a request that failed with err may have reached the
// vendor. A transport without tracing is assumed to have sent it, unless the error is
// that of a dial.
func (t *sendTrace) mayHaveBeenSent(traced bool, err error) bool {
	if traced || t.getConn.Load() {
		return t.wroteHeaders.Load()
	}
	var op *net.OpError
	return !errors.As(err, &op) || op.Op != "dial"
}

// sendOnce removes from the request what lets net/http send it again on its own when a
// reused connection breaks.
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

// hideIdempotencyKey writes the header's name in lower case: the same on the wire, but
// net/http, which would send a request with that header and without a body twice, looks
// for the canonical spelling. Neither vendor promises what the header promises.
func hideIdempotencyKey(header http.Header) {
	for canonical, lower := range map[string]string{
		"Idempotency-Key":   "idempotency-key",
		"X-Idempotency-Key": "x-idempotency-key",
	} {
		if values, ok := header[canonical]; ok {
			delete(header, canonical)
			header[lower] = values
		}
	}
}

package httpx

import (
	"net/http"
	"time"
)

// A connection on which nothing was heard for quietTime is asked whether it lives, and closed after pingTimeout without
// an answer: together less than an attempt, so that the next attempt gets another.
const (
	quietTime   = 4 * time.Second
	pingTimeout = 3 * time.Second
)

// defaultTransport is a clone of http.DefaultTransport: what the program and its environment chose stays. Added are
// HTTP/2's pings, without which net/http keeps using a connection that a firewall or a frozen Lambda let die silently.
func defaultTransport() http.RoundTripper {
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport // the program replaced it: its choice
	}
	clone := transport.Clone()
	if clone.HTTP2 == nil {
		clone.HTTP2 = &http.HTTP2Config{SendPingTimeout: quietTime, PingTimeout: pingTimeout}
	}
	return clone
}

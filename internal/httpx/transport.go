package httpx

import (
	"net/http"
	"time"
)

// A connection that received nothing for pingAfter is sent a ping, and closed after
// pingTimeout without an answer: together less than an attempt, so that the next attempt
// gets another connection.
const (
	pingAfter   = 4 * time.Second
	pingTimeout = 3 * time.Second
)

// defaultTransport returns a clone of http.DefaultTransport, with the settings of the
// program and its environment. It adds the pings of HTTP/2, without which net/http keeps
// using a connection that a firewall or a frozen Lambda function has silently dropped.
func defaultTransport() http.RoundTripper {
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport // the program has replaced it
	}
	clone := transport.Clone()
	if clone.HTTP2 == nil {
		clone.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout}
	}
	return clone
}

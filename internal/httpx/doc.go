// Package httpx is the one HTTP stack below the zoom and pagerduty clients:
// go-retryablehttp with every default replaced that could hurt an incident.
//
//	client, err := httpx.New(httpx.Config{Domains: []string{"zoom.us", "zoomgov.com"}})
//	resp, err := client.Do(req) // any status of the vendor's is an answer; only a fault is an error
//
// # Retries
//
// Idempotent requests are sent again after 408, 429, 5xx (501 excepted) and faults of the
// connection, a body that was cut off included. Others (POST and PATCH, unless
// [Idempotent] says otherwise) are sent again only when they surely never left this
// process. Waits are full jitter on top of what the vendor asks for. A wait that could
// not help, above MaxWait or beyond the deadline, is not begun: Do returns the last
// answer at once.
//
// # Errors
//
// A fault is an [*Error]. Its Sent field reports whether the vendor may have seen the
// request, which decides between "try again" and "in doubt". Context errors are found by
// errors.Is. No error holds a query, userinfo or an Authorization header.
//
// # Concurrency
//
// A [Client] is safe for concurrent use. Do leaves no goroutine behind and nothing to
// close: the answer's body is already in memory.
package httpx

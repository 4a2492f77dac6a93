// Package httpx is the one HTTP stack under the zoom and pagerduty clients: go-retryablehttp
// with every default that could hurt an incident replaced.
//
//	client, err := httpx.New(httpx.Config{Domains: []string{"zoom.us", "zoomgov.com"}})
//	resp, err := client.Do(req) // a vendor's status, good or bad, is an answer; only a fault is an error
//
// # Retries
//
// What may be asked twice is asked again after 408, 429, 5xx (501 excepted) and faults of the connection,
// a body cut off in the middle among them. What may not (POST and PATCH, unless Idempotent says
// otherwise) is sent again only when it surely never left this process. Waits are full jitter on top of
// what the vendor asks for, and a wait that leads nowhere, above MaxWait or beyond the deadline, is not
// begun: the answer at hand is returned at once.
//
// # Errors
//
// A fault is an *Error. Its Sent says whether the vendor may have seen the request, which is what decides
// between "try again" and "in doubt". Context errors survive errors.Is. No error holds a query, userinfo or an
// Authorization header.
//
// # Concurrency
//
// A Client is safe for concurrent use. Do leaves no goroutine of its own and nothing to close behind: the
// answer's body is already in memory.
package httpx

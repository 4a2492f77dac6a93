package sandbox

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
)

// Gateway is the HTTP API in front of a function, as the transport of a browser or a
// vendor. It passes requests for its host to Invoke as events in format 2.0, and sends
// all others over the network.
type Gateway struct {
	Host   string
	Invoke func(ctx context.Context, event []byte) ([]byte, error)
}

// RoundTrip implements http.RoundTripper.
func (g *Gateway) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != g.Host {
		return http.DefaultTransport.RoundTrip(r)
	}
	event, err := g.event(r)
	if err != nil {
		return nil, err
	}
	text, err := g.Invoke(r.Context(), event)
	if err != nil {
		return nil, err
	}
	parsed, err := ParseResponse(text)
	if err != nil {
		return nil, err
	}
	response := &http.Response{
		StatusCode: parsed.StatusCode, Header: http.Header{"Set-Cookie": parsed.Cookies}, Request: r,
		Body: io.NopCloser(strings.NewReader(parsed.Body)), ContentLength: int64(len(parsed.Body)),
	}
	for name, value := range parsed.Headers {
		response.Header.Set(name, value)
	}
	return response, nil
}

// event returns the request as an event: cookies apart from the other headers, and header
// names in lower case.
func (g *Gateway) event(r *http.Request) ([]byte, error) {
	var body []byte
	if r.Body != nil {
		defer r.Body.Close()
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	headers, cookies := map[string]string{"host": g.Host, "x-forwarded-proto": "https"}, []string(nil)
	for name, values := range r.Header {
		if name == "Cookie" {
			cookies = strings.Split(strings.Join(values, "; "), "; ")
			continue
		}
		headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	return encode(map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": r.URL.EscapedPath(), "rawQueryString": r.URL.RawQuery,
		"headers": headers, "cookies": cookies,
		"requestContext": map[string]any{
			"domainName": g.Host, "stage": "$default",
			"http": map[string]any{"method": r.Method, "path": r.URL.Path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7"},
		},
		"body": base64.StdEncoding.EncodeToString(body), "isBase64Encoded": true,
	}), nil
}

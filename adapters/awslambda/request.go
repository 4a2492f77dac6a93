package awslambda

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// request is the HTTP request that the event tells of.
func (e *event) request(ctx context.Context) (*http.Request, error) {
	body, err := e.body()
	if err != nil {
		return nil, err
	}
	method, path, ip := e.HTTPMethod, e.Path, e.RequestContext.Identity.SourceIP
	var query string
	switch e.kind() {
	case httpAPI:
		method, path, query = e.RequestContext.HTTP.Method, e.withoutStage(), e.RawQuery
		ip = e.RequestContext.HTTP.SourceIP
	case loadBalancer:
		query = e.query(func(s string) string { return s }) // it passes on what it got, as it came
	default:
		query = e.query(url.QueryEscape)
	}
	r := newRequest(ctx, method, path, e.header(), body)
	r.URL.RawQuery = query
	r.RequestURI = r.URL.RequestURI()
	if r.Host == "" {
		r.Host = e.RequestContext.DomainName
	}
	if ip != "" {
		r.RemoteAddr = net.JoinHostPort(ip, "0")
	}
	return r, nil
}

// newRequest is a request as a server gets it, with its body in memory. The path may be escaped or not.
func newRequest(ctx context.Context, method, path string, header http.Header, body []byte) *http.Request {
	u := &url.URL{Path: path}
	if plain, err := url.PathUnescape(path); err == nil {
		u.Path, u.RawPath = plain, path
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	r := &http.Request{
		Method: method, URL: u, RequestURI: u.RequestURI(), Header: header, Host: header.Get("Host"),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
	header.Del("Host") // where net/http has it
	return r.WithContext(ctx)
}

// body is the bytes that the caller sent and signed.
func (e *event) body() ([]byte, error) {
	if !e.IsBase64Encoded {
		return []byte(e.Body), nil
	}
	return base64.StdEncoding.DecodeString(e.Body)
}

// withoutStage is the path of an HTTP API, which begins with the stage on API Gateway's own domain.
func (e *event) withoutStage() string {
	stage := e.RequestContext.Stage
	if stage == "" || stage == "$default" || !strings.Contains(e.RequestContext.DomainName, ".execute-api.") {
		return e.RawPath
	}
	rest, ok := strings.CutPrefix(e.RawPath, "/"+stage)
	switch {
	case ok && rest == "":
		return "/"
	case ok && rest[0] == '/':
		return rest
	default:
		return e.RawPath
	}
}

// query joins the parameters. Format 1.0 has them unescaped, and a map does not know their order.
func (e *event) query(escape func(string) string) string {
	var pairs []string
	add := func(name, value string) { pairs = append(pairs, escape(name)+"="+escape(value)) }
	if e.MultiValueQuery == nil {
		for _, name := range slices.Sorted(maps.Keys(e.Query)) {
			add(name, e.Query[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.MultiValueQuery)) {
		for _, value := range e.MultiValueQuery[name] {
			add(name, value)
		}
	}
	return strings.Join(pairs, "&")
}

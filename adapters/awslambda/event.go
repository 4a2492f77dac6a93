package awslambda

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// kind is the kind of an event, as far as it makes a difference.
type kind string

const (
	unknown      kind = ""
	httpAPI      kind = "httpAPI" // format 2.0: HTTP APIs and function URLs
	restAPI      kind = "restAPI" // format 1.0: REST APIs, and HTTP APIs configured for it
	loadBalancer kind = "loadBalancer"
	queue        kind = "queue"
	schedule     kind = "schedule"
	partner      kind = "partner"
)

// event holds the fields of every kind of event, so the payload is parsed once.
type event struct {
	Version string `json:"version"`

	// API Gateway, function URL and load balancer.
	HTTPMethod        string              `json:"httpMethod"`
	Path              string              `json:"path"`
	RawPath           string              `json:"rawPath"`
	RawQuery          string              `json:"rawQueryString"`
	Query             map[string]string   `json:"queryStringParameters"`
	MultiValueQuery   map[string][]string `json:"multiValueQueryStringParameters"`
	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	Cookies           []string            `json:"cookies"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
	RequestContext    struct {
		Stage      string    `json:"stage"`
		DomainName string    `json:"domainName"`
		ELB        *struct{} `json:"elb"`
		HTTP       struct {
			Method   string `json:"method"`
			SourceIP string `json:"sourceIp"`
		} `json:"http"`
		Identity struct {
			SourceIP string `json:"sourceIp"`
		} `json:"identity"`
	} `json:"requestContext"`

	// SQS.
	Records []message `json:"Records"`

	// EventBridge.
	ID         string          `json:"id"`
	Source     string          `json:"source"`
	DetailType string          `json:"detail-type"`
	Detail     json.RawMessage `json:"detail"`
}

func parseEvent(payload []byte) (*event, error) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		// The cause is left out, because it may quote the event.
		return nil, fmt.Errorf("%w: unexpected structure", ErrUnknownEvent)
	}
	return &e, nil
}

// kind tells the events apart by their shape.
func (e *event) kind() kind {
	switch {
	case len(e.Records) > 0:
		return recordsKind(e.Records)
	case e.DetailType == "Scheduled Event" && (e.Source == "aws.events" || e.Source == "aws.scheduler"):
		return schedule
	case e.DetailType != "" && strings.HasPrefix(e.Source, partnerPrefix):
		return partner
	case e.DetailType != "":
		return unknown
	case e.Version == "2.0" && e.RequestContext.HTTP.Method != "":
		return httpAPI
	case e.HTTPMethod != "" && e.RequestContext.ELB != nil:
		return loadBalancer
	case e.HTTPMethod != "" && e.Path != "":
		return restAPI
	default:
		return unknown
	}
}

// request returns the HTTP request that the event describes.
func (e *event) request(ctx context.Context) (*http.Request, error) {
	body, err := e.decodedBody()
	if err != nil {
		return nil, err
	}
	method, path, ip := e.HTTPMethod, e.Path, e.RequestContext.Identity.SourceIP
	var query string
	switch e.kind() {
	case httpAPI:
		method, path, query = e.RequestContext.HTTP.Method, e.pathWithoutStage(), e.RawQuery
		ip = e.RequestContext.HTTP.SourceIP
	case loadBalancer: // forwards parameters still escaped
		query = e.query(func(s string) string { return s })
	default: // format 1.0 has unescaped them
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

// decodedBody returns the bytes that the caller sent and signed.
func (e *event) decodedBody() ([]byte, error) {
	if !e.IsBase64Encoded {
		return []byte(e.Body), nil
	}
	return base64.StdEncoding.DecodeString(e.Body)
}

// pathWithoutStage returns the path of an HTTP API, which starts with the stage on API
// Gateway's own domain.
func (e *event) pathWithoutStage() string {
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

// query joins the parameters, sorted by name because JSON objects have no order.
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

// header returns the headers with each value as it is in the event. Values are not split
// at commas: format 2.0 joins repeated headers with commas, but a single value may
// contain commas, too.
func (e *event) header() http.Header {
	header := make(http.Header, len(e.Headers)+len(e.MultiValueHeaders)+2)
	if e.MultiValueHeaders == nil {
		for name, value := range e.Headers {
			appendHeader(header, name, value)
		}
	}
	for name, values := range e.MultiValueHeaders {
		appendHeader(header, name, values...)
	}
	if len(e.Cookies) > 0 {
		appendHeader(header, "Cookie", strings.Join(e.Cookies, "; "))
	}
	return header
}

// appendHeader adds values under the canonical form of name.
func appendHeader(header http.Header, name string, values ...string) {
	name = textproto.CanonicalMIMEHeaderKey(name)
	header[name] = append(header[name], values...)
}

// newRequest returns a request as a server receives it, with its body in memory. The path
// may be escaped or not.
func newRequest(ctx context.Context, method, path string, header http.Header, body []byte) *http.Request {
	u := &url.URL{Path: path}
	if unescaped, err := url.PathUnescape(path); err == nil {
		u.Path, u.RawPath = unescaped, path
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	r := &http.Request{
		Method: method, URL: u, RequestURI: u.RequestURI(), Header: header, Host: header.Get("Host"),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
	header.Del("Host") // net/http keeps it in Request.Host only
	return r.WithContext(ctx)
}

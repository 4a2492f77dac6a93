package awslambda

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

const setCookie = "Set-Cookie"

// recorder is an http.ResponseWriter in memory.
type recorder struct {
	header http.Header
	status int         // zero: not written yet
	sent   http.Header // the header when the status was written
	body   bytes.Buffer
}

func newRecorder() *recorder { return &recorder{header: http.Header{}} }

// Header implements http.ResponseWriter.
func (rec *recorder) Header() http.Header { return rec.header }

// WriteHeader implements http.ResponseWriter. As in a server, only the first final status
// counts.
func (rec *recorder) WriteHeader(status int) {
	if rec.status != 0 || status < http.StatusOK {
		return
	}
	rec.status = status
	rec.sent = rec.header.Clone()
}

// Write implements http.ResponseWriter.
func (rec *recorder) Write(p []byte) (int, error) {
	if rec.status == 0 && rec.header.Get("Content-Type") == "" {
		rec.header.Set("Content-Type", http.DetectContentType(p))
	}
	rec.WriteHeader(http.StatusOK)
	return rec.body.Write(p)
}

// writeProblem writes a problem document as package nethttp does.
func (rec *recorder) writeProblem(status int, code, detail string) {
	rec.header.Set("Content-Type", "application/problem+json")
	rec.header.Set("Cache-Control", "no-store")
	rec.header.Set("X-Content-Type-Options", "nosniff")
	rec.WriteHeader(status)
	problem := map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status, "code": code, "detail": detail,
	}
	_ = json.NewEncoder(rec).Encode(problem) // a write to memory cannot fail
}

// code returns the code in the body, "" if it has none.
func (rec *recorder) code() string {
	var problem struct {
		Code string `json:"code"`
	}
	if err := json.Unmarshal(rec.body.Bytes(), &problem); err != nil {
		return ""
	}
	return problem.Code
}

// encodedBody returns the body as a JSON string can hold it: as text if it is UTF-8, else
// in base64.
func (rec *recorder) encodedBody() (body string, isBase64 bool) {
	if utf8.Valid(rec.body.Bytes()) {
		return rec.body.String(), false
	}
	return base64.StdEncoding.EncodeToString(rec.body.Bytes()), true
}

// gatewayResponse is a response in the format of API Gateway, function URLs and load
// balancers.
type gatewayResponse struct {
	StatusCode        int                 `json:"statusCode"`
	StatusDescription string              `json:"statusDescription,omitempty"`
	Headers           map[string]string   `json:"headers,omitempty"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders,omitempty"`
	Cookies           []string            `json:"cookies,omitempty"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
}

// newGatewayResponse converts what the routes wrote. A load balancer without multi-value
// headers can set one cookie only, so the last one is kept.
func newGatewayResponse(e *event, rec *recorder) gatewayResponse {
	rec.WriteHeader(http.StatusOK)
	response := gatewayResponse{StatusCode: rec.status}
	response.Body, response.IsBase64Encoded = rec.encodedBody()
	switch {
	case e.kind() == httpAPI:
		response.Headers, response.Cookies = joinValues(rec.sent), rec.sent[setCookie]
		delete(response.Headers, setCookie)
	case e.kind() == restAPI || e.MultiValueHeaders != nil:
		response.MultiValueHeaders = rec.sent
	default:
		response.Headers = joinValues(rec.sent)
		if cookies := rec.sent[setCookie]; len(cookies) > 0 {
			response.Headers[setCookie] = cookies[len(cookies)-1]
		}
	}
	if e.kind() == loadBalancer {
		response.StatusDescription = strings.TrimSpace(strconv.Itoa(rec.status) + " " + http.StatusText(rec.status))
	}
	return response
}

// joinValues joins the values of each header with commas, as RFC 9110 (5.3) allows for
// every header but Set-Cookie.
func joinValues(header http.Header) map[string]string {
	joined := make(map[string]string, len(header))
	for name, values := range header {
		joined[name] = strings.Join(values, ", ")
	}
	return joined
}

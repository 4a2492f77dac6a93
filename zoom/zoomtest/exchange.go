package zoomtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/fakes"
)

// Request is a request that reached the fake.
type Request struct {
	Op     string // Create, List, ...; "" for a route that Zoom does not have
	Method string
	Host   string
	Path   string // escaped, as it was sent
	Query  url.Values
	Header http.Header
	Body   []byte
	Status int // 0: not answered, or not yet
	At     time.Time
}

// Requests returns what reached the fake, oldest first: everything, or only the given operations.
func (s *Server) Requests(ops ...string) []Request {
	var requests []Request
	for _, request := range s.fake.Requests(ops...) {
		requests = append(requests, Request(request))
	}
	return requests
}

// The words of the machinery, which every operation uses.
type (
	exchange = fakes.Exchange
	answer   = fakes.Answer
	work     = fakes.Work
)

func reply(status int, body any) answer {
	raw, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("zoomtest: %v", err)) // only the fake's own values come here
	}
	return answer{Status: status, Body: raw}
}

// refuse is an API error in Zoom's shape, with a list of bad fields where there are any.
func refuse(status, code int, message string, fields ...badField) answer {
	return reply(status, struct {
		Code    int        `json:"code"`
		Message string     `json:"message"`
		Errors  []badField `json:"errors,omitempty"`
	}{code, message, fields})
}

// ErrorBody is an error body in Zoom's shape, for Answer and Mask.
func ErrorBody(code int, message string) string { return string(refuse(0, code, message).Body) }

type badField struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

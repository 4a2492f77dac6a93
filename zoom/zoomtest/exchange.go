package zoomtest

import (
	"encoding/json"
	"fmt"

	"github.com/incidentbridge/incidentbridge/internal/fakes"
)

// Request is a request that reached the fake. Its Op is "" for a route that the fake does
// not have.
type Request = fakes.Request

// Requests returns what reached the fake, oldest first: everything, or only the given
// operations.
func (s *Server) Requests(ops ...string) []Request { return s.fake.Requests(ops...) }

// Short names for the types that every operation uses.
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

// refuse returns an API error in Zoom's shape, with a list of bad fields if there are
// any.
func refuse(status, code int, message string, fields ...badField) answer {
	return reply(status, struct {
		Code    int        `json:"code"`
		Message string     `json:"message"`
		Errors  []badField `json:"errors,omitempty"`
	}{code, message, fields})
}

// ErrorBody returns an error body in Zoom's shape, for Answer and Mask.
func ErrorBody(code int, message string) string { return string(refuse(0, code, message).Body) }

type badField struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

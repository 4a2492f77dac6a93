package specs

import (
	"bytes"
	"io"
	"net/http"
)

// Transport checks each request on its way to next, and each answer on its way back, and
// calls report with what is wrong. Neither is changed or held back. A request for which
// no answer came is checked alone.
func (c *Contract) Transport(next http.RoundTripper, report func(Violation)) http.RoundTripper {
	return checker{c, next, report}
}

type checker struct {
	contract *Contract
	next     http.RoundTripper
	report   func(Violation)
}

// RoundTrip sends the request on.
func (t checker) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := drain(r.Body)
	if err != nil {
		return nil, err
	}
	forward := r.Clone(r.Context())
	if r.Body != nil {
		forward.Body = io.NopCloser(bytes.NewReader(sent))
	}
	answer, err := t.next.RoundTrip(forward)
	if err != nil {
		t.tell(t.contract.CheckRequest(r, sent))
		return nil, err
	}
	t.tell(t.contract.CheckRequest(r, sent))
	got, cut := io.ReadAll(answer.Body)
	answer.Body.Close()
	var again io.Reader = bytes.NewReader(got)
	if cut == nil {
		t.tell(t.contract.CheckAnswer(r, answer.StatusCode, answer.Header, got))
	} else {
		again = io.MultiReader(again, broken{cut}) // no whole answer, nothing to check
	}
	answer.Body = io.NopCloser(again)
	return answer, nil
}

func (t checker) tell(found []Violation) {
	for _, violation := range found {
		t.report(violation)
	}
}

// broken is the rest of a body that was cut.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

func drain(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	defer body.Close()
	return io.ReadAll(body)
}

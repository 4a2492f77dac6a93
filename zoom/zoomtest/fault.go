package zoomtest

import (
	"time"

	"github.com/incidentbridge/incidentbridge/internal/fakes"
)

// Fault is something that goes wrong with a request. It happens to one request, unless
// its methods Times or Always are used; they return a changed copy, as do After and
// Header.
type Fault = fakes.Fault

// Answer gives this answer and does not process the request.
func Answer(status int, body string) Fault { return fakes.Answering(status, body) }

// Mask processes the request, and gives this answer instead of the true one: a gateway's
// error page, broken JSON.
func Mask(status int, body string) Fault { return fakes.Masking(status, body) }

// Delay waits, then answers as without a fault, unless the client gave up meanwhile.
func Delay(d time.Duration) Fault { return fakes.Delaying(d) }

// Hang neither processes the request nor answers it.
func Hang() Fault { return fakes.Hanging() }

// ResetBefore cuts the connection and does not process the request.
func ResetBefore() Fault { return fakes.ResettingBefore() }

// ResetAfter processes the request and cuts the connection: the answer is lost.
func ResetAfter() Fault { return fakes.ResettingAfter() }

// Truncate processes the request and cuts the connection in the middle of the answer's
// body.
func Truncate() Fault { return fakes.Truncating() }

// Late processes the request so long after it arrived, whether the client still waits or
// not, and never answers it.
func Late(after time.Duration) Fault { return fakes.CompletingLate(after) }

// Fault queues faults for an operation, or for Any. Each request takes the first that is
// left for its operation, else the first for Any. It panics on an operation it does not
// know, since such a fault would never happen.
func (s *Server) Fault(op string, faults ...Fault) { s.fake.Fault(op, faults...) }

// ClearFaults removes all faults that have not happened yet.
func (s *Server) ClearFaults() { s.fake.ClearFaults() }

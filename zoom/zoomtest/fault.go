package zoomtest

import (
	"time"

	"github.com/incidentbridge/incidentbridge/internal/fakes"
)

// Fault is something that goes wrong with a request. It meets one request, unless Times or Always says otherwise.
// The methods return a changed copy.
type Fault struct{ fault fakes.Fault }

// Answer gives this answer and does not process the request.
func Answer(status int, body string) Fault { return Fault{fakes.Answering(status, body)} }

// Mask processes the request, and gives this answer in the place of the true one: a gateway's error page, broken JSON.
func Mask(status int, body string) Fault { return Fault{fakes.Masking(status, body)} }

// Delay waits, then goes on as if nothing were wrong, unless the client gave up meanwhile.
func Delay(d time.Duration) Fault { return Fault{fakes.Delaying(d)} }

// Hang neither processes the request nor answers it.
func Hang() Fault { return Fault{fakes.Hanging()} }

// ResetBefore cuts the connection and does not process the request.
func ResetBefore() Fault { return Fault{fakes.ResettingBefore()} }

// ResetAfter processes the request and cuts the connection: the answer is lost.
func ResetAfter() Fault { return Fault{fakes.ResettingAfter()} }

// Truncate processes the request and cuts the connection in the middle of the answer's body.
func Truncate() Fault { return Fault{fakes.Truncating()} }

// Late processes the request so long after it arrived, whether the client still waits or not, and never answers it.
func Late(after time.Duration) Fault { return Fault{fakes.CompletingLate(after)} }

// Times lets the fault meet n requests.
func (f Fault) Times(n int) Fault { return Fault{f.fault.Times(n)} }

// Always lets the fault meet every request, until ClearFaults.
func (f Fault) Always() Fault { return Fault{f.fault.Always()} }

// After waits that long before the fault does what it does.
func (f Fault) After(d time.Duration) Fault { return Fault{f.fault.After(d)} }

// Header sets a header of the answer that Answer or Mask gives, such as Retry-After; an empty value takes one away.
func (f Fault) Header(key, value string) Fault { return Fault{f.fault.Header(key, value)} }

// Fault queues faults for an operation, or for Any. Each request takes the first that is left for its operation, else
// the first for Any. It panics on an operation it does not know, since such a fault would never happen.
func (s *Server) Fault(op string, faults ...Fault) {
	for _, f := range faults {
		s.fake.Fault(op, f.fault)
	}
}

// ClearFaults takes back all faults that have not met a request.
func (s *Server) ClearFaults() { s.fake.ClearFaults() }

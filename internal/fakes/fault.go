package fakes

import (
	"context"
	"math"
	"net/http"
	"slices"
	"time"
)

// Fault is something that goes wrong with a request. It happens to one request, unless
// Times or Always are used. The methods return a changed copy. The zero Fault is none.
type Fault struct {
	mode   mode
	delay  time.Duration
	answer Answer
	times  int
}

type mode int

const (
	none mode = iota
	answered
	masked
	hung
	resetBefore
	resetAfter
	truncated
	late
)

// Answering gives this answer and does not process the request.
func Answering(status int, body string) Fault {
	return Fault{mode: answered, times: 1, answer: Answer{Status: status, Body: []byte(body)}}
}

// Masking processes the request, and gives this answer instead of the true one.
func Masking(status int, body string) Fault {
	return Fault{mode: masked, times: 1, answer: Answer{Status: status, Body: []byte(body)}}
}

// Delaying waits, then answers as without a fault, unless the client gave up meanwhile.
func Delaying(d time.Duration) Fault { return Fault{times: 1, delay: d} }

// Hanging neither processes the request nor answers it.
func Hanging() Fault { return Fault{mode: hung, times: 1} }

// ResettingBefore cuts the connection and does not process the request.
func ResettingBefore() Fault { return Fault{mode: resetBefore, times: 1} }

// ResettingAfter processes the request and cuts the connection.
func ResettingAfter() Fault { return Fault{mode: resetAfter, times: 1} }

// Truncating processes the request and cuts the connection in the middle of the answer's
// body.
func Truncating() Fault { return Fault{mode: truncated, times: 1} }

// CompletingLate processes the request so long after it arrived, whether the client still
// waits or not, and never answers it.
func CompletingLate(after time.Duration) Fault { return Fault{mode: late, times: 1, delay: after} }

// Times makes the fault happen to n requests.
func (f Fault) Times(n int) Fault {
	f.times = n
	return f
}

// Always makes the fault happen to every request, until ClearFaults.
func (f Fault) Always() Fault { return f.Times(math.MaxInt) }

// After waits that long before the fault happens.
func (f Fault) After(d time.Duration) Fault {
	f.delay = d
	return f
}

// Header sets a header of the answer that the fault gives; an empty value removes one
// that the fake would send.
func (f Fault) Header(key, value string) Fault {
	header := f.answer.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header[http.CanonicalHeaderKey(key)] = nil
	if value != "" {
		header.Set(key, value)
	}
	f.answer.Header = header
	return f
}

// apply makes the fault happen. It returns false when there is nothing to answer with, or
// nobody to answer.
func (f Fault) apply(s *Server, in *Exchange, do Work) (Answer, bool) {
	ctx := in.Context()
	if f.mode == late {
		s.workLater(in, do, f.delay)
		<-ctx.Done()
		return Answer{}, false
	}
	if !wait(ctx, f.delay) {
		return Answer{}, false
	}
	switch f.mode {
	case answered:
		return f.answer, true
	case masked:
		s.process(in, do)
		return f.answer, true
	case hung:
		<-ctx.Done()
		return Answer{}, false
	case resetBefore:
		return Answer{}, false
	case resetAfter:
		s.process(in, do)
		return Answer{}, false
	default:
		return s.process(in, do), true
	}
}

// write sends the answer, or half of it. An answer without a body is lost as a whole.
func (f Fault) write(w http.ResponseWriter, out Answer) {
	if f.mode == truncated && len(out.Body) == 0 {
		cut(w, true)
		return
	}
	out.writeHeader(w)
	if f.mode != truncated {
		_, _ = w.Write(out.Body)
		return
	}
	_, _ = w.Write(out.Body[:len(out.Body)/2])
	_ = http.NewResponseController(w).Flush()
	cut(w, false)
}

func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// lateWork is work that is done when the lock is first taken after its time has come:
// nobody can see the difference, and no goroutine is left behind.
type lateWork struct {
	due time.Time
	in  *Exchange
	do  Work
}

func (s *Server) workLater(in *Exchange, do Work, after time.Duration) {
	s.Lock()
	defer s.Unlock()
	s.late = append(s.late, lateWork{due: in.Now.Add(after), in: in, do: do})
	slices.SortStableFunc(s.late, func(a, b lateWork) int { return a.due.Compare(b.due) })
}

// doLateWork does the late work that is due; the lock is held.
func (s *Server) doLateWork(now time.Time) {
	for len(s.late) > 0 && !s.late[0].due.After(now) {
		next := s.late[0]
		s.late = s.late[1:]
		next.in.Now = next.due
		next.do(next.in)
	}
}

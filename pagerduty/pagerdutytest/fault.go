package pagerdutytest

import (
	"context"
	"math"
	"net"
	"net/http"
	"slices"
	"time"
)

// Fault is something that goes wrong with a request. It meets one request, unless Times or Always says otherwise.
// The methods return a changed copy.
type Fault struct {
	mode   mode
	delay  time.Duration
	answer answer
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

// HTMLPage is a body for Answer and Mask: what a proxy in front of the API says.
const HTMLPage = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"

// Answer gives this answer and does not process the request.
func Answer(status int, body string) Fault {
	return Fault{mode: answered, times: 1, answer: answer{status: status, body: []byte(body)}}
}

// Mask processes the request, and gives this answer in the place of the true one: a gateway's error page, broken JSON.
func Mask(status int, body string) Fault {
	return Fault{mode: masked, times: 1, answer: answer{status: status, body: []byte(body)}}
}

// Delay waits, then goes on as if nothing were wrong, unless the client gave up meanwhile.
func Delay(d time.Duration) Fault { return Fault{times: 1, delay: d} }

// Hang neither processes the request nor answers it.
func Hang() Fault { return Fault{mode: hung, times: 1} }

// ResetBefore cuts the connection and does not process the request.
func ResetBefore() Fault { return Fault{mode: resetBefore, times: 1} }

// ResetAfter processes the request and cuts the connection: the answer is lost.
func ResetAfter() Fault { return Fault{mode: resetAfter, times: 1} }

// Truncate processes the request and cuts the connection in the middle of the answer's body.
func Truncate() Fault { return Fault{mode: truncated, times: 1} }

// Late processes the request so long after it arrived, whether the client still waits or not, and never answers it.
func Late(after time.Duration) Fault { return Fault{mode: late, times: 1, delay: after} }

// Times lets the fault meet n requests.
func (f Fault) Times(n int) Fault {
	f.times = n
	return f
}

// Always lets the fault meet every request, until ClearFaults.
func (f Fault) Always() Fault { return f.Times(math.MaxInt) }

// After waits that long before the fault does what it does.
func (f Fault) After(d time.Duration) Fault {
	f.delay = d
	return f
}

// Header sets a header of the answer that Answer or Mask gives, such as Retry-After; an empty value takes one away that
// PagerDuty would send.
func (f Fault) Header(key, value string) Fault {
	header := f.answer.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header[http.CanonicalHeaderKey(key)] = nil
	if value != "" {
		header.Set(key, value)
	}
	f.answer.header = header
	return f
}

// Fault queues faults for an operation, or for Any. Each request takes the first that is left for its operation, else
// the first for Any. It panics on an operation it does not know, since such a fault would never happen.
func (s *Server) Fault(op string, faults ...Fault) {
	known := []string{GetIncident, UpdateIncident, AddNote, ListNotes, GetUser, GetSelf, ListUsers, Any}
	if !slices.Contains(known, op) {
		panic("pagerdutytest: no operation is called " + op)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[op] = append(s.faults[op], faults...)
}

// ClearFaults takes back all faults that have not met a request.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.faults)
}

func (s *Server) takeFault(op string) Fault {
	for _, queue := range []string{op, Any} {
		for len(s.faults[queue]) > 0 {
			first := &s.faults[queue][0]
			if first.times <= 0 {
				s.faults[queue] = s.faults[queue][1:]
				continue
			}
			first.times--
			return *first
		}
	}
	return Fault{}
}

// play does what the fault says. It is false when there is nothing to answer with, or nobody to answer.
func (f Fault) play(s *Server, in *exchange, do work) (answer, bool) {
	ctx := in.Context()
	if f.mode == late {
		s.putOff(in, do, f.delay)
		<-ctx.Done()
		return answer{}, false
	}
	if !wait(ctx, f.delay) {
		return answer{}, false
	}
	switch f.mode {
	case answered:
		return f.answer, true
	case masked:
		s.process(in, do)
		return f.answer, true
	case hung:
		<-ctx.Done()
		return answer{}, false
	case resetBefore:
		return answer{}, false
	case resetAfter:
		s.process(in, do)
		return answer{}, false
	default:
		return s.process(in, do), true
	}
}

// write sends the answer, or half of it.
func (f Fault) write(w http.ResponseWriter, out answer) {
	out.write(w)
	if f.mode != truncated {
		_, _ = w.Write(out.body)
		return
	}
	_, _ = w.Write(out.body[:len(out.body)/2])
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

// lateWork is work that is done once its time has come, by whoever looks at the state next: nobody can tell the
// difference, and no goroutine is left behind.
type lateWork struct {
	due time.Time
	in  *exchange
	do  work
}

func (s *Server) putOff(in *exchange, do work, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late = append(s.late, lateWork{due: in.now.Add(after), in: in, do: do})
	slices.SortStableFunc(s.late, func(a, b lateWork) int { return a.due.Compare(b.due) })
}

// settle does the late work that is due; the lock is held.
func (s *Server) settle(now time.Time) {
	for len(s.late) > 0 && !s.late[0].due.After(now) {
		next := s.late[0]
		s.late = s.late[1:]
		next.in.now = next.due
		next.do(next.in)
	}
}

// cut ends the connection below w; hard ends it with a reset.
func cut(w http.ResponseWriter, hard bool) {
	if memory, ok := w.(*recorder); ok {
		memory.cut = true
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 and wrapped writers: the server's own way to cut
	}
	if tcp, ok := conn.(*net.TCPConn); ok && hard {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

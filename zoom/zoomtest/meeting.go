package zoomtest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Meeting is a meeting as the fake has it, deleted ones included.
type Meeting struct {
	ID            int64
	UUID          string // of the latest session
	Host          string // e-mail address
	Topic         string
	Agenda        string
	Type          int
	Status        string // "waiting" or "started"
	Ended         bool   // was running and is over
	Deleted       bool
	StartTime     time.Time
	CreatedAt     time.Time
	Duration      time.Duration
	JoinURL       string
	Password      string
	PhonePassword string
	Settings      map[string]any // by JSON name, as they apply
	Participants  []string       // who is in it now
}

// meeting is the fake's own record of one.
type meeting struct {
	Meeting
	user     *User
	number   int // which of all
	sessions int
	timezone string
}

// Meetings returns all meetings that were ever made, oldest first.
func (s *Server) Meetings() []Meeting {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(time.Now())
	var all []Meeting
	for _, m := range s.meetings {
		snapshot := m.Meeting
		snapshot.Settings = maps.Clone(m.Settings)
		snapshot.Participants = slices.Clone(m.Participants)
		all = append(all, snapshot)
	}
	return all
}

// Start lets the host start a meeting.
func (s *Server) Start(id int64) error {
	return s.change(id, func(m *meeting) error {
		m.start()
		return nil
	})
}

// Join lets somebody into a meeting, which starts it when those who come before the host may enter.
func (s *Server) Join(id int64, name string) error {
	return s.change(id, func(m *meeting) error {
		if m.Status != "started" && m.Settings["join_before_host"] != true {
			return fmt.Errorf("zoomtest: %s waits for the host of meeting %d", name, id)
		}
		m.start()
		m.Participants = append(m.Participants, name)
		return nil
	})
}

// Leave takes somebody out of a meeting, which ends when nobody is left.
func (s *Server) Leave(id int64, name string) error {
	return s.change(id, func(m *meeting) error {
		i := slices.Index(m.Participants, name)
		if i < 0 {
			return fmt.Errorf("zoomtest: %s is not in meeting %d", name, id)
		}
		m.Participants = slices.Delete(m.Participants, i, i+1)
		if len(m.Participants) == 0 {
			m.end()
		}
		return nil
	})
}

// End ends a meeting as its host would.
func (s *Server) End(id int64) error {
	return s.change(id, func(m *meeting) error {
		m.end()
		return nil
	})
}

func (s *Server) change(id int64, change func(*meeting) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(time.Now())
	m := s.meeting(id)
	if m == nil {
		return fmt.Errorf("zoomtest: there is no meeting %d", id)
	}
	return change(m)
}

// meeting finds one that still exists.
func (s *Server) meeting(id int64) *meeting {
	for _, m := range s.meetings {
		if m.ID == id && !m.Deleted && !m.expired() {
			return m
		}
	}
	return nil
}

// expired is true for an instant meeting that is over.
func (m *meeting) expired() bool { return m.Type == 1 && m.Ended }

func (m *meeting) start() {
	if m.Status == "started" {
		return
	}
	m.Status = "started"
	m.sessions++
	m.UUID = m.sessionUUID()
}

func (m *meeting) end() {
	if m.Status != "started" {
		return
	}
	m.Status = "waiting"
	m.Ended = true
	m.Participants = nil
}

// sessionUUID is base64 like Zoom's, the same in every run, and another one for a meeting that starts again.
func (m *meeting) sessionUUID() string {
	return base64.StdEncoding.EncodeToString(m.noise("uuid", max(m.sessions, 1))[:16])
}

// digits are n decimal digits that look random and are the same in every run.
func (m *meeting) digits(what string, n int) string {
	return fmt.Sprintf("%020d", binary.BigEndian.Uint64(m.noise(what, 0)))[20-n:]
}

func (m *meeting) noise(what string, i int) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d", what, m.number, i))
	return sum[:]
}

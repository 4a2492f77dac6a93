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

// Meeting is the state of a meeting, which may be deleted.
type Meeting struct {
	ID            int64
	UUID          string // of the latest session
	Host          string // e-mail address
	Topic         string
	Agenda        string
	Type          int
	Status        string // "waiting" or "started"
	Ended         bool   // was running and has ended
	Deleted       bool
	StartTime     time.Time
	CreatedAt     time.Time
	Duration      time.Duration
	JoinURL       string
	Password      string
	PhonePassword string
	Settings      map[string]any    // by JSON name, as they apply
	Participants  []string          // who is in it now
	Tracking      map[string]string // tracking fields
}

// meeting is the fake's own record of a meeting.
type meeting struct {
	Meeting
	user     *User
	number   int // which of all
	sessions []session
	timezone string
}

// session is one time that a meeting runs; each has a UUID of its own.
type session struct {
	uuid       string
	start, end time.Time
	people     int // who came, in all
}

// Meetings returns all meetings that were ever made, oldest first.
func (s *Server) Meetings() []Meeting {
	s.fake.Lock()
	defer s.fake.Unlock()
	var all []Meeting
	for _, m := range s.meetings {
		snapshot := m.Meeting
		snapshot.Settings = maps.Clone(m.Settings)
		snapshot.Participants = slices.Clone(m.Participants)
		snapshot.Tracking = maps.Clone(m.Tracking)
		all = append(all, snapshot)
	}
	return all
}

// Start starts a meeting as its host would.
func (s *Server) Start(id int64) error {
	return s.change(id, func(m *meeting, now time.Time) error { return s.start(m, now) })
}

// Join adds a participant to a meeting. It starts the meeting if people may join before
// the host.
func (s *Server) Join(id int64, name string) error {
	return s.change(id, func(m *meeting, now time.Time) error {
		if m.Status != "started" && m.Settings["join_before_host"] != true {
			return fmt.Errorf("zoomtest: %s waits for the host of meeting %d", name, id)
		}
		if err := s.start(m, now); err != nil {
			return err
		}
		m.Participants = append(m.Participants, name)
		m.sessions[len(m.sessions)-1].people++
		return nil
	})
}

// Leave removes a participant from a meeting, which ends when nobody is left.
func (s *Server) Leave(id int64, name string) error {
	return s.change(id, func(m *meeting, now time.Time) error {
		i := slices.Index(m.Participants, name)
		if i < 0 {
			return fmt.Errorf("zoomtest: %s is not in meeting %d", name, id)
		}
		m.Participants = slices.Delete(m.Participants, i, i+1)
		if len(m.Participants) == 0 {
			m.end(now)
		}
		return nil
	})
}

// End ends a meeting as its host would.
func (s *Server) End(id int64) error {
	return s.change(id, func(m *meeting, now time.Time) error {
		m.end(now)
		return nil
	})
}

func (s *Server) change(id int64, change func(*meeting, time.Time) error) error {
	s.fake.Lock()
	defer s.fake.Unlock()
	m := s.meeting(id)
	if m == nil {
		return fmt.Errorf("zoomtest: there is no meeting %d", id)
	}
	return change(m, time.Now())
}

// meeting returns the meeting with that id unless it is deleted.
func (s *Server) meeting(id int64) *meeting {
	for _, m := range s.meetings {
		if m.ID == id && !m.Deleted && !m.expired() {
			return m
		}
	}
	return nil
}

// expired reports whether it is an instant meeting that has ended.
func (m *meeting) expired() bool { return m.Type == 1 && m.Ended }

// start begins a session, unless the host already runs as many meetings as the plan
// allows.
func (s *Server) start(m *meeting, now time.Time) error {
	if m.Status == "started" {
		return nil
	}
	running := 0
	for _, other := range s.meetings {
		if other.user == m.user && other.Status == "started" {
			running++
		}
	}
	if m.user.AtOnce > 0 && running >= m.user.AtOnce {
		return fmt.Errorf("zoomtest: %s has another meeting in progress", m.Host)
	}
	m.Status = "started"
	m.UUID = m.sessionUUID()
	m.sessions = append(m.sessions, session{uuid: m.UUID, start: now.UTC().Truncate(time.Second)})
	return nil
}

func (m *meeting) end(now time.Time) {
	if m.Status != "started" {
		return
	}
	m.Status = "waiting"
	m.Ended = true
	m.Participants = nil
	m.sessions[len(m.sessions)-1].end = now.UTC().Truncate(time.Second)
}

// sessionUUID returns a UUID in base64 as Zoom has, the same in every run. A meeting that
// starts again gets one that begins with slashes, which Zoom's may.
func (m *meeting) sessionUUID() string {
	noise := m.noise("uuid", len(m.sessions))[:16]
	if len(m.sessions) > 0 {
		noise[0], noise[1] = 0xff, noise[1]|0xf0
	}
	return base64.StdEncoding.EncodeToString(noise)
}

// digits returns n decimal digits that look random and are the same in every run.
func (m *meeting) digits(what string, n int) string {
	return fmt.Sprintf("%020d", binary.BigEndian.Uint64(m.noise(what, 0)))[20-n:]
}

func (m *meeting) noise(what string, i int) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d", what, m.number, i))
	return sum[:]
}

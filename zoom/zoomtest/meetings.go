package zoomtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// wanted is what a create may ask for at the top level.
type wanted struct {
	Topic     string         `json:"topic"`
	Agenda    string         `json:"agenda"`
	Type      *int           `json:"type"`
	StartTime string         `json:"start_time"`
	Duration  *int           `json:"duration"`
	Timezone  string         `json:"timezone"`
	Password  string         `json:"password"`
	Settings  map[string]any `json:"settings"`
}

func (s *Server) createMeeting(in *exchange) answer {
	user, refusal := s.host(in.PathValue("user"))
	if user == nil {
		return refusal
	}
	if user.Unlicensed {
		return refuse(400, 3161, "The host's plan does not allow to host or schedule meetings.")
	}
	day := user.ID + in.now.UTC().Format(" 2006-01-02")
	if s.creates[day] >= s.dailyLimit {
		// Without Retry-After and X-RateLimit-Type, as it was seen.
		return refuse(429, 429, fmt.Sprintf(
			"A maximum of %d meetings can be created/updated for a single user in one day.", s.dailyLimit))
	}
	var want wanted
	if err := json.Unmarshal(in.body, &want); err != nil {
		return refuse(400, 300, "Request Body should be a valid JSON object.")
	}
	m, bad := s.plan(user, want, in.now)
	if len(bad) > 0 {
		return refuse(400, 300, "Validation Failed.", bad...)
	}
	s.creates[day]++
	s.meetings = append(s.meetings, m)
	return reply(201, m.detail())
}

// plan makes the meeting that was asked for, or says what is wrong with it.
func (s *Server) plan(user *User, want wanted, now time.Time) (*meeting, []badField) {
	number := len(s.meetings) + 1
	m := &meeting{user: user, number: number, timezone: want.Timezone, Meeting: Meeting{
		ID:        82_000_000_000 + int64(number)*1_000_003,
		Host:      user.Email,
		Topic:     want.Topic,
		Agenda:    want.Agenda,
		Type:      2,
		Status:    "waiting",
		CreatedAt: now.UTC().Truncate(time.Second),
		Duration:  time.Hour,
		Password:  want.Password,
	}}
	settings, bad := applySettings(want.Settings, user, valueOr(want.Type, 2))
	m.Settings = settings
	refuseIf := func(wrong bool, field, message string) {
		if wrong {
			bad = append(bad, badField{field, message})
		}
	}
	refuseIf(utf8.RuneCountInString(want.Topic) > 200, "topic", "At most 200 characters.")
	refuseIf(utf8.RuneCountInString(want.Agenda) > 2000, "agenda", "At most 2000 characters.")
	refuseIf(len(want.Password) > 10, "password", "At most 10 characters.")
	if want.Type != nil {
		m.Type = *want.Type
		refuseIf(!slices.Contains([]int{1, 2, 3, 8, 10}, m.Type), "type", "Invalid field.")
	}
	if want.Duration != nil {
		m.Duration = time.Duration(*want.Duration) * time.Minute
		refuseIf(*want.Duration < 1 || *want.Duration > 1440, "duration", "From 1 to 1440 minutes.")
	}
	start, err := time.Parse("2006-01-02T15:04:05Z", want.StartTime)
	refuseIf(want.StartTime != "" && err != nil, "start_time", "Invalid date time.")
	m.StartTime = start
	if start.Before(now) {
		m.StartTime = m.CreatedAt
	}
	if m.timezone == "" {
		m.timezone = "UTC"
	}
	if m.Password == "" {
		m.Password = m.digits("password", 6)
	}
	m.PhonePassword = m.digits("phone", 6)
	m.UUID = m.sessionUUID()
	m.JoinURL = fmt.Sprintf("%s/%s?pwd=%s.1", s.joinURL, m.place(), m.digits("pwd", 16))
	return m, bad
}

// place is the id that people join by: one for all meetings of a user with use_pmi.
func (m *meeting) place() string {
	if m.Settings["use_pmi"] == true {
		return m.user.PMI
	}
	return strconv.FormatInt(m.ID, 10)
}

func valueOr(value *int, other int) int {
	if value == nil {
		return other
	}
	return *value
}

func (s *Server) listMeetings(in *exchange) answer {
	user, refusal := s.host(in.PathValue("user"))
	if user == nil {
		return refusal
	}
	query := in.URL.Query()
	size, err := strconv.Atoi(query.Get("page_size"))
	if query.Get("page_size") == "" {
		size, err = 30, nil
	}
	if err != nil || size < 1 || size > 300 {
		return refuse(400, 300, "Validation Failed.", badField{"page_size", "From 1 to 300."})
	}
	listed := []map[string]any{}
	for _, m := range s.meetings {
		if m.user == user && s.isListed(m, query.Get("type"), in.now) {
			listed = append(listed, m.item())
		}
	}
	from, ok := pageStart(query.Get("next_page_token"), len(listed))
	if !ok {
		return refuse(400, 300, "The next page token is invalid or expired.")
	}
	to := min(from+size, len(listed))
	next := ""
	if to < len(listed) {
		next = pageToken(to)
	}
	out := reply(200, map[string]any{
		"page_size": size, "total_records": len(listed), "next_page_token": next, "meetings": listed[from:to],
	})
	out.header = map[string][]string{"X-Ratelimit-Category": {"Medium"}}
	return out
}

func (s *Server) isListed(m *meeting, kind string, now time.Time) bool {
	if m.Deleted || m.Type == 1 || now.Before(m.CreatedAt.Add(s.listLag)) {
		return false
	}
	return kind != "live" || m.Status == "started"
}

func pageToken(from int) string { return fmt.Sprintf("zoomtest-page-%d", from) }

func pageStart(token string, count int) (from int, ok bool) {
	if token == "" {
		return 0, true
	}
	_, err := fmt.Sscanf(token, "zoomtest-page-%d", &from)
	return from, err == nil && from >= 0 && from <= count
}

func (s *Server) getMeeting(in *exchange) answer {
	m := s.inPath(in)
	if m == nil {
		return noMeeting(in)
	}
	return reply(200, m.detail())
}

func (s *Server) putStatus(in *exchange) answer {
	var want struct {
		Action string `json:"action"`
	}
	if json.Unmarshal(in.body, &want) != nil || (want.Action != "end" && want.Action != "recover") {
		return refuse(400, 300, "Validation Failed.", badField{"action", "Invalid field."})
	}
	if want.Action == "recover" {
		return s.recoverMeeting(in)
	}
	m := s.inPath(in)
	if m == nil {
		return noMeeting(in)
	}
	m.end()
	return answer{status: 204}
}

func (s *Server) recoverMeeting(in *exchange) answer {
	for _, m := range s.meetings {
		if strconv.FormatInt(m.ID, 10) == in.PathValue("meeting") && !m.expired() {
			m.Deleted = false
			return answer{status: 204}
		}
	}
	return noMeeting(in)
}

func (s *Server) deleteMeeting(in *exchange) answer {
	m := s.inPath(in)
	switch {
	case m == nil:
		return noMeeting(in)
	case m.Status == "started":
		return refuse(400, 3002, "Meeting "+in.PathValue("meeting")+" is in progress and cannot be deleted.")
	}
	m.Deleted = true
	return answer{status: 204}
}

func (s *Server) inPath(in *exchange) *meeting {
	id, err := strconv.ParseInt(in.PathValue("meeting"), 10, 64)
	if err != nil {
		return nil
	}
	return s.meeting(id)
}

func noMeeting(in *exchange) answer {
	return refuse(404, 3001, "Meeting does not exist: "+in.PathValue("meeting")+".")
}

// item is a meeting in a list.
func (m *meeting) item() map[string]any {
	agenda := []rune(m.Agenda)
	return map[string]any{
		"id":         m.ID,
		"uuid":       m.UUID,
		"host_id":    m.user.ID,
		"topic":      m.Topic,
		"agenda":     string(agenda[:min(len(agenda), 250)]),
		"type":       m.Type,
		"start_time": m.StartTime.UTC().Format("2006-01-02T15:04:05Z"),
		"duration":   int(m.Duration.Minutes()),
		"timezone":   m.timezone,
		"created_at": m.CreatedAt.UTC().Format("2006-01-02T15:04:05Z"),
		"join_url":   m.JoinURL,
	}
}

// detail is a meeting in the answer to a create or a read.
func (m *meeting) detail() map[string]any {
	settings := maps.Clone(m.Settings)
	settings["global_dial_in_numbers"] = dialIns(m.user, m.Settings)
	detail := m.item()
	maps.Copy(detail, map[string]any{
		"agenda":             m.Agenda,
		"host_email":         m.Host,
		"status":             m.Status,
		"start_url":          fmt.Sprintf("https://zoom.us/s/%d?zak=START-SECRET-%s", m.ID, m.digits("zak", 12)),
		"password":           m.Password,
		"h323_password":      m.PhonePassword,
		"pstn_password":      m.PhonePassword,
		"encrypted_password": m.digits("pwd", 16) + ".1",
		"creation_source":    "open_api",
		"pre_schedule":       false,
		"settings":           settings,
	})
	if m.Settings["use_pmi"] == true {
		detail["pmi"] = m.user.PMI
	}
	return detail
}

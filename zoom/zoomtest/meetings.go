package zoomtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// zoomTime is the format in which Zoom writes times, and the only one it accepts.
const zoomTime = "2006-01-02T15:04:05Z"

// wanted is what a create or an update may contain at the top level.
type wanted struct {
	Topic     string         `json:"topic"`
	Agenda    string         `json:"agenda"`
	Type      *int           `json:"type"`
	StartTime string         `json:"start_time"`
	Duration  *int           `json:"duration"`
	Timezone  string         `json:"timezone"`
	Password  string         `json:"password"`
	Settings  map[string]any `json:"settings"`
	Tracking  []struct {
		Field string `json:"field"`
		Value string `json:"value"`
	} `json:"tracking_fields"`
}

func (s *Server) createMeeting(in *exchange, g *grant) answer {
	user, refusal := s.userInPath(in, g)
	if user == nil {
		return refusal
	}
	if user.Unlicensed {
		return refuse(400, 3161, "The host's plan does not allow to host or schedule meetings.")
	}
	var want wanted
	if err := json.Unmarshal(in.Content, &want); err != nil {
		return refuse(400, 300, "Request Body should be a valid JSON object.")
	}
	m := s.newMeeting(user, want, in.Now)
	if bad := s.apply(m, want, in.Now); len(bad) > 0 {
		return refuse(400, 300, "Validation Failed.", bad...)
	}
	if refusal, refused := s.countChange(user, in.Now); refused {
		return refusal
	}
	m.JoinURL = fmt.Sprintf("%s/%s?pwd=%s.1", s.joinURL, m.place(), m.digits("pwd", 16))
	s.meetings = append(s.meetings, m)
	return reply(201, m.detail())
}

// updateMeeting changes the fields that are sent.
func (s *Server) updateMeeting(in *exchange, _ *grant) answer {
	m := s.inPath(in)
	if m == nil {
		return noMeeting(in)
	}
	var want wanted
	if err := json.Unmarshal(in.Content, &want); err != nil {
		return refuse(400, 300, "Request Body should be a valid JSON object.")
	}
	changed := *m
	if bad := s.apply(&changed, want, in.Now); len(bad) > 0 {
		return refuse(400, 300, "Validation Failed.", bad...)
	}
	if refusal, refused := s.countChange(m.user, in.Now); refused {
		return refusal
	}
	*m = changed
	return answer{Status: 204}
}

// newMeeting returns a meeting with the user's settings.
func (s *Server) newMeeting(user *User, want wanted, now time.Time) *meeting {
	number := len(s.meetings) + 1
	m := &meeting{user: user, number: number, timezone: "UTC", Meeting: Meeting{
		ID:        82_000_000_000 + int64(number)*1_000_003,
		Host:      user.Email,
		Type:      valueOr(want.Type, 2),
		Status:    "waiting",
		CreatedAt: now.UTC().Truncate(time.Second),
		Duration:  time.Hour,
		Settings:  settingsOf(user),
	}}
	m.StartTime = m.CreatedAt
	m.Password = m.digits("password", 6)
	m.PhonePassword = m.digits("phone", 6)
	m.UUID = m.sessionUUID()
	return m
}

// apply sets the wanted fields of the meeting, or returns what is wrong with them.
func (s *Server) apply(m *meeting, want wanted, now time.Time) []badField {
	settings, bad := applySettings(m.Settings, want.Settings, m.user, m.Type)
	m.Settings = settings
	refuseIf := func(wrong bool, field, message string) {
		if wrong {
			bad = append(bad, badField{field, message})
		}
	}
	m.Topic = orElse(want.Topic, m.Topic)
	m.Agenda = orElse(want.Agenda, m.Agenda)
	m.Password = orElse(want.Password, m.Password)
	m.timezone = orElse(want.Timezone, m.timezone)
	m.Type = valueOr(want.Type, m.Type)
	minutes := valueOr(want.Duration, int(m.Duration.Minutes()))
	m.Duration = time.Duration(minutes) * time.Minute
	refuseIf(utf8.RuneCountInString(m.Topic) > 200, "topic", "At most 200 characters.")
	refuseIf(utf8.RuneCountInString(m.Agenda) > 2000, "agenda", "At most 2000 characters.")
	refuseIf(len(m.Password) > 10, "password", "At most 10 characters.")
	refuseIf(!slices.Contains([]int{1, 2, 3, 8, 10}, m.Type), "type", "Invalid field.")
	refuseIf(minutes < 1 || minutes > 1440, "duration", "From 1 to 1440 minutes.")
	start, err := time.Parse(zoomTime, want.StartTime)
	refuseIf(want.StartTime != "" && err != nil, "start_time", "Invalid date time.")
	if start.After(now) { // a time in the past is ignored
		m.StartTime = start
	}
	hosts, _ := settings["alternative_hosts"].(string)
	refuseIf(!s.mayHost(hosts), "settings.alternative_hosts", "Only licensed users of the account may be alternative hosts.")
	if want.Tracking != nil {
		m.Tracking = map[string]string{}
		for _, field := range want.Tracking {
			m.Tracking[field.Field] = field.Value
		}
	}
	return bad
}

// mayHost reports whether all users of a list with semicolons are licensed.
func (s *Server) mayHost(list string) bool {
	for name := range strings.SplitSeq(list, ";") {
		user := s.userNamed(name)
		if name != "" && (user == nil || user.Unlicensed || user.Pending || user.OtherAccount) {
			return false
		}
	}
	return true
}

// place returns the id that people join by: the same for all meetings of a user with
// use_pmi.
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

func (s *Server) listMeetings(in *exchange, g *grant) answer {
	user, refusal := s.userInPath(in, g)
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
		if m.user == user && s.isListed(m, query.Get("type"), in.Now) {
			listed = append(listed, m.item())
		}
	}
	from, ok := s.pageStart(query.Get("next_page_token"), len(listed), in.Now)
	if !ok {
		return refuse(400, 300, "The next page token is invalid or expired.")
	}
	to := min(from+size, len(listed))
	next := ""
	if to < len(listed) {
		next = fmt.Sprintf("zoomtest-page-%d", to)
		s.pages[next] = in.Now.Add(pageLife)
	}
	return reply(200, map[string]any{
		"page_size": size, "total_records": len(listed), "next_page_token": next, "meetings": listed[from:to],
	})
}

func (s *Server) isListed(m *meeting, kind string, now time.Time) bool {
	if m.Deleted || m.Type == 1 || now.Before(m.CreatedAt.Add(s.listLag)) {
		return false
	}
	return kind != "live" || m.Status == "started"
}

const pageLife = 15 * time.Minute

func (s *Server) pageStart(token string, count int, now time.Time) (from int, ok bool) {
	if token == "" {
		return 0, true
	}
	_, err := fmt.Sscanf(token, "zoomtest-page-%d", &from)
	return from, err == nil && now.Before(s.pages[token]) && from <= count
}

func (s *Server) getMeeting(in *exchange, _ *grant) answer {
	m := s.inPath(in)
	if m == nil {
		return noMeeting(in)
	}
	return reply(200, m.detail())
}

func (s *Server) putStatus(in *exchange, _ *grant) answer {
	var want struct {
		Action string `json:"action"`
	}
	if json.Unmarshal(in.Content, &want) != nil || (want.Action != "end" && want.Action != "recover") {
		return refuse(400, 300, "Validation Failed.", badField{"action", "Invalid field."})
	}
	if want.Action == "recover" {
		return s.recoverMeeting(in)
	}
	m := s.inPath(in)
	if m == nil {
		return noMeeting(in)
	}
	m.end(in.Now)
	return answer{Status: 204}
}

func (s *Server) recoverMeeting(in *exchange) answer {
	for _, m := range s.meetings {
		if strconv.FormatInt(m.ID, 10) == in.PathValue("meeting") && !m.expired() {
			m.Deleted = false
			return answer{Status: 204}
		}
	}
	return noMeeting(in)
}

func (s *Server) deleteMeeting(in *exchange, _ *grant) answer {
	m := s.inPath(in)
	switch {
	case m == nil:
		return noMeeting(in)
	case m.Status == "started":
		return refuse(400, 3002, "Meeting "+in.PathValue("meeting")+" is in progress and cannot be deleted.")
	}
	m.Deleted = true
	return answer{Status: 204}
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

// item returns a meeting as lists show it.
func (m *meeting) item() map[string]any {
	agenda := []rune(m.Agenda)
	return map[string]any{
		"id":         m.ID,
		"uuid":       m.UUID,
		"host_id":    m.user.ID,
		"topic":      m.Topic,
		"agenda":     string(agenda[:min(len(agenda), 250)]),
		"type":       m.Type,
		"start_time": m.StartTime.UTC().Format(zoomTime),
		"duration":   int(m.Duration.Minutes()),
		"timezone":   m.timezone,
		"created_at": m.CreatedAt.UTC().Format(zoomTime),
		"join_url":   m.JoinURL,
	}
}

// detail returns a meeting as the answers to a create and a read show it.
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
	if len(m.Tracking) > 0 {
		fields := []any{}
		for _, name := range slices.Sorted(maps.Keys(m.Tracking)) {
			fields = append(fields, map[string]any{"field": name, "value": m.Tracking[name], "visible": true})
		}
		detail["tracking_fields"] = fields
	}
	return detail
}

package pagerdutytest

import (
	"encoding/json"
	"net/url"
	"slices"

	"github.com/incidentbridge/incidentbridge/pagerduty"
)

const account = "https://example.pagerduty.com"

func (s *Server) getIncident(in *exchange) answer {
	found := s.incident(in.PathValue("id"))
	if found == nil {
		found = s.incidentByNumber(in.PathValue("id"))
	}
	if found == nil {
		return refuse(404, 5001, "Incident Not Found")
	}
	shown := s.restIncident(found)
	if slices.Contains(in.URL.Query()["include[]"], "conference_bridge") {
		shown["conference_bridge"] = s.restBridge(found.Bridge)
	}
	return reply(map[string]any{"incident": shown})
}

// restBridge returns the bridge, and no bridge in the two shapes that PagerDuty's
// documents leave open, in turn.
func (s *Server) restBridge(b pagerduty.ConferenceBridge) any {
	if b != (pagerduty.ConferenceBridge{}) {
		return map[string]any{"conference_number": orNull(b.DialIn), "conference_url": orNull(b.URL)}
	}
	s.bareReads++
	if s.bareReads%2 == 1 {
		return nil
	}
	return map[string]any{"conference_number": nil, "conference_url": nil}
}

// incidentWrite is what PUT reads; other fields are ignored.
type incidentWrite struct {
	Incident struct {
		Type   string `json:"type"`
		Status string `json:"status"`
		Bridge *struct {
			Number json.RawMessage `json:"conference_number"`
			URL    json.RawMessage `json:"conference_url"`
		} `json:"conference_bridge"`
	} `json:"incident"`
}

func (s *Server) updateIncident(in *exchange) answer {
	found := s.incident(in.PathValue("id"))
	if found == nil {
		return refuse(404, 5001, "Incident Not Found")
	}
	var write incidentWrite
	if json.Unmarshal(in.body, &write) != nil {
		return invalidInput("Incident is invalid")
	}
	sent := write.Incident
	if sent.Type != "incident" && sent.Type != "incident_reference" {
		return invalidInput("Incident type is invalid")
	}
	if !slices.Contains([]string{"", "triggered", "acknowledged", "resolved"}, sent.Status) {
		return invalidInput("Status is invalid")
	}
	bridge := found.Bridge
	if sent.Bridge != nil {
		switch {
		case s.bridgeless:
			return refuse(402, 2014, "Account does not have the abilities to perform the action", "conference_bridge")
		case s.frozen && found.Status == "resolved":
			return refuse(400, 1001, "Incident Already Resolved")
		}
		if !overwrite(&bridge.DialIn, sent.Bridge.Number) || (bridge.DialIn != "" && !s.checkNumber(bridge.DialIn)) {
			return invalidInput("Conference number is invalid")
		}
		if !overwrite(&bridge.URL, sent.Bridge.URL) || !linkOrEmpty(bridge.URL) {
			return invalidInput("Conference url is invalid")
		}
	}
	found.Bridge = bridge
	if sent.Bridge != nil { // by any caller, changed or not
		s.emit(Event{Type: "incident.conference_bridge.updated", IncidentID: found.ID, AgentID: idOf(in.writer)})
	}
	if sent.Status != "" {
		found.setStatus(sent.Status, in.now) // a resolved incident is reopened
	}
	return reply(map[string]any{"incident": s.restIncident(found)})
}

// overwrite sets a string that must not be null, unless it was not sent.
func overwrite(into *string, sent json.RawMessage) bool {
	if len(sent) == 0 {
		return true
	}
	return string(sent) != "null" && json.Unmarshal(sent, into) == nil
}

func linkOrEmpty(s string) bool {
	u, err := url.Parse(s)
	return s == "" || (err == nil && u.Scheme != "" && u.Host != "")
}

func (s *Server) addNote(in *exchange) answer {
	found := s.incident(in.PathValue("id"))
	if found == nil {
		return refuse(404, 5001, "Incident Not Found")
	}
	var write struct {
		Note struct {
			Content string `json:"content"`
		} `json:"note"`
	}
	if json.Unmarshal(in.body, &write) != nil || write.Note.Content == "" {
		return invalidInput("Content cannot be empty")
	}
	if len(found.Notes) >= 2000 {
		return refuse(400, 2019, "Product limit reached")
	}
	note := Note{
		ID:        s.mint("PN"),
		UserID:    idOf(in.writer),
		Content:   write.Note.Content,
		CreatedAt: in.now,
	}
	found.Notes = append(found.Notes, note)
	s.emit(Event{Type: "incident.annotated", IncidentID: found.ID, AgentID: note.UserID, Note: note.Content})
	return reply(map[string]any{"note": s.restNote(note)}) // 200, not 201
}

func (s *Server) listNotes(in *exchange) answer {
	found := s.incident(in.PathValue("id"))
	if found == nil {
		return refuse(404, 5001, "Incident Not Found")
	}
	notes := []any{}
	for _, note := range found.Notes {
		notes = append(notes, s.restNote(note))
	}
	return reply(map[string]any{"notes": notes})
}

func (s *Server) restNote(n Note) map[string]any {
	return map[string]any{
		"id": n.ID, "content": n.Content, "created_at": stamp(n.CreatedAt),
		"user":    s.userReference(n.UserID),
		"channel": map[string]any{"summary": "The PagerDuty website or APIs"},
	}
}

// restIncident returns an incident as the REST API shows it: "incident_number",
// assignments, and never the bridge.
func (s *Server) restIncident(i *Incident) map[string]any {
	assignments := []any{}
	for _, id := range i.Assignees {
		assignments = append(assignments, map[string]any{
			"at": stamp(i.CreatedAt), "assignee": s.userReference(id),
		})
	}
	shown := s.sharedIncident(i)
	shown["summary"] = i.Title
	shown["incident_number"] = i.Number
	shown["assignments"] = assignments
	shown["resolved_at"] = stamp(i.ResolvedAt)
	return shown
}

// sharedIncident returns what REST and webhooks have in common.
func (s *Server) sharedIncident(i *Incident) map[string]any {
	teams := []any{}
	for _, team := range i.Teams {
		teams = append(teams, reference(team, "teams"))
	}
	shown := map[string]any{
		"id": i.ID, "type": "incident", "title": i.Title, "status": i.Status, "urgency": i.Urgency,
		"incident_key": "key-" + i.ID, "created_at": stamp(i.CreatedAt),
		"self": "https://api.pagerduty.com/incidents/" + i.ID, "html_url": account + "/incidents/" + i.ID,
		"service":           reference(i.Service, "services"),
		"escalation_policy": reference(i.EscalationPolicy, "escalation_policies"),
		"teams":             teams,
		"priority":          nil,
		"incident_type":     map[string]any{"name": "incident_default"},
		"resolve_reason":    nil,
	}
	if i.Priority != nil {
		shown["priority"] = reference(*i.Priority, "priorities")
	}
	return shown
}

func (s *Server) userReference(id string) any {
	found := s.user(id)
	if found == nil {
		found = &User{ID: id}
	}
	return reference(pagerduty.Reference{ID: found.ID, Type: "user_reference", Summary: found.Name}, "users")
}

func reference(r pagerduty.Reference, path string) map[string]any {
	return map[string]any{
		"id": r.ID, "type": r.Type, "summary": orNull(r.Summary),
		"self": "https://api.pagerduty.com/" + path + "/" + r.ID, "html_url": account + "/" + path + "/" + r.ID,
	}
}

func idOf(u *User) string {
	if u == nil {
		return ""
	}
	return u.ID
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

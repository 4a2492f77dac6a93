package pagerdutytest

import (
	"strconv"
	"strings"
)

func (s *Server) getUser(in *exchange) answer {
	found := s.user(in.PathValue("id"))
	if found == nil {
		return refuse(404, 2100, "Not Found")
	}
	shown := restUser(found)
	// Whoever has these can read the user's calendar: nothing may log them.
	shown["http_cal_url"] = account + "/private/calendar-secret-" + found.ID + "/feed"
	shown["web_cal_url"] = "webcal://example.pagerduty.com/private/calendar-secret-" + found.ID + "/feed"
	return reply(map[string]any{"user": shown})
}

// getSelf answers what an account's key gets: it is nobody's, and "error" is a text.
func (s *Server) getSelf(*exchange) answer {
	out := reply(map[string]any{
		"error": "Because this request was made using an account-level access token, " +
			"we were unable to determine the user's identity. Please use a user-level token.",
	})
	out.status = 400
	return out
}

func (s *Server) listUsers(in *exchange) answer {
	query := in.URL.Query()
	limit, offset := page(query.Get("limit"), 25), page(query.Get("offset"), 0)
	if limit < 1 || limit > 100 || offset < 0 || limit+offset > 10000 {
		return invalidInput("Limit or offset is invalid")
	}
	wanted := strings.ToLower(query.Get("query"))
	matches := []any{}
	for _, u := range s.users {
		if strings.Contains(strings.ToLower(u.Name+"\n"+u.Email), wanted) {
			matches = append(matches, restUser(u))
		}
	}
	from, to := min(offset, len(matches)), min(offset+limit, len(matches))
	return reply(map[string]any{
		"users": matches[from:to], "limit": limit, "offset": offset, "more": to < len(matches), "total": nil,
	})
}

func page(value string, fallback int) int {
	if value == "" {
		return fallback
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return -1
	}
	return n
}

func restUser(u *User) map[string]any {
	teams := []any{}
	for _, team := range u.Teams {
		teams = append(teams, reference(team, "teams"))
	}
	return map[string]any{
		"id": u.ID, "type": "user", "summary": u.Name, "name": u.Name, "email": u.Email, "role": u.Role,
		"self": "https://api.pagerduty.com/users/" + u.ID, "html_url": account + "/users/" + u.ID,
		"time_zone": "Europe/Vienna", "color": "green", "job_title": nil, "description": nil, "teams": teams,
		"contact_methods": []any{}, "notification_rules": []any{},
	}
}

package pagerdutytest

import "strings"

func (s *Server) getUser(in *exchange) answer {
	found := s.user(in.PathValue("id"))
	if found == nil {
		return refuse(404, 2100, "Not Found")
	}
	shown := restUser(found)
	// With these addresses anybody can read the user's calendar: nothing may log them.
	shown["http_cal_url"] = account + "/private/calendar-secret-" + found.ID + "/feed"
	shown["web_cal_url"] = "webcal://example.pagerduty.com/private/calendar-secret-" + found.ID + "/feed"
	return reply(map[string]any{"user": shown})
}

// getSelf returns the user that the credentials belong to. An account's key and an app's
// token belong to none, and then "error" is a string.
func (s *Server) getSelf(in *exchange) answer {
	if who := s.caller(in); who.user != nil {
		return reply(map[string]any{"user": restUser(who.user)})
	}
	out := reply(map[string]any{
		"error": "Because this request was made using an account-level access token, " +
			"we were unable to determine the user's identity. Please use a user-level token.",
	})
	out.status = 400
	return out
}

func (s *Server) listUsers(in *exchange) answer {
	wanted := strings.ToLower(in.URL.Query().Get("query"))
	matches := []any{}
	for _, u := range s.users {
		if strings.Contains(strings.ToLower(u.Name+"\n"+u.Email), wanted) {
			matches = append(matches, restUser(u))
		}
	}
	return list(in, "users", matches)
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

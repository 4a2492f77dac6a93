package zoomtest

import (
	"net/url"
	"strconv"
	"strings"
)

// getPastMeeting returns one session of a meeting, by its UUID, or the last one, by the
// meeting's id.
func (s *Server) getPastMeeting(in *exchange, _ *grant) answer {
	name, ok := sessionName(in.PathValue("meeting"))
	for _, m := range s.meetings {
		for i := len(m.sessions) - 1; ok && i >= 0; i-- {
			held := m.sessions[i]
			if held.end.IsZero() || (name != held.uuid && name != strconv.FormatInt(m.ID, 10)) {
				continue
			}
			if in.Now.Sub(held.end).Hours() > 365*24 {
				return refuse(400, 12702, "Can not access a meeting a year ago.")
			}
			minutes := int(held.end.Sub(held.start).Minutes())
			return reply(200, map[string]any{
				"uuid": held.uuid, "id": m.ID, "host_id": m.user.ID, "type": m.Type, "topic": m.Topic,
				"user_name": m.Host, "user_email": m.Host, "source": "Zoom", "dept": "",
				"start_time": held.start.Format(zoomTime), "end_time": held.end.Format(zoomTime),
				"duration": minutes, "total_minutes": minutes * held.people, "participants_count": held.people,
			})
		}
	}
	return noMeeting(in)
}

// sessionName undoes the second escaping of a UUID. One that needs it and has none is not
// found, as at Zoom, where a proxy undoes the first one and the slashes then separate the
// path.
func sessionName(decoded string) (string, bool) {
	if strings.HasPrefix(decoded, "/") || strings.Contains(decoded, "//") {
		return "", false
	}
	if !strings.Contains(decoded, "%") {
		return decoded, true
	}
	name, err := url.PathUnescape(decoded)
	return name, err == nil
}

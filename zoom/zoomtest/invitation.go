package zoomtest

import (
	"fmt"
	"strings"
)

// getInvitation returns the text to mail to people: the link, and for each number the
// string that a phone dials at one touch.
func (s *Server) getInvitation(in *exchange, _ *grant) answer {
	m := s.inPath(in)
	if m == nil {
		return noMeeting(in)
	}
	lines := []string{
		m.Host + " is inviting you to a scheduled Zoom meeting.", "",
		"Topic: " + m.Topic,
		"Join Zoom Meeting", m.JoinURL, "",
		fmt.Sprintf("Meeting ID: %d", m.ID),
		"Passcode: " + m.Password, "",
		"One tap mobile",
	}
	for _, number := range dialIns(m.user, m.Settings) {
		digits := strings.ReplaceAll(number.Number, " ", "")
		lines = append(lines, fmt.Sprintf("%s,,%d#,,,,*%s# %s", digits, m.ID, m.PhonePassword, number.CountryName))
	}
	return reply(200, map[string]any{"invitation": strings.Join(lines, "\r\n"), "sip_links": []string{}})
}

package bridge

import (
	"bytes"
	"io"
	"strings"
	"text/template"
	"unicode"
)

// topicLimit is the longest topic Zoom takes, in characters.
const topicLimit = 200

// parseTopic also runs the template once, so that a field that does not exist fails at
// start and not at 3 AM.
func parseTopic(text string) (*template.Template, error) {
	t, err := template.New("topic").Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, err
	}
	return t, t.Execute(io.Discard, Incident{})
}

// topic renders the template; what cannot be rendered never costs the meeting.
func topic(t *template.Template, i *Incident) string {
	var b bytes.Buffer
	if err := t.Execute(&b, *i); err != nil {
		return "Incident " + i.ID
	}
	line := strings.Join(strings.FieldsFunc(b.String(), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	if line == "" {
		return "Incident " + i.ID
	}
	return truncate(line, topicLimit)
}

// truncate cuts s to at most n characters.
func truncate(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return string(runes[:n-1]) + "…"
}

// isWord reports whether s is made of letters, digits, '-' and '_'.
func isWord(s string) bool {
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_') {
			return false
		}
	}
	return s != ""
}

// isNumber reports whether s is made of digits.
func isNumber(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return s != ""
}

package bridge

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTopic(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, template, title, want string
	}{
		{"the default", DefaultTopic, "The shop is down", "#7 The shop is down"},
		{"another", "{{.Urgency}}: {{.Service.Name}}", "", "high: Shop"},
		{"lines become one", DefaultTopic, "down\r\n\tagain\x00", "#7 down again"},
		{"nothing is not a topic", "{{with .Priority.Name}}{{.}}{{end}}", "", "Incident P1"},
		{"what fails is not a topic", `{{index .Assignees 3}}`, "", "Incident P1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			parsed, err := parseTopic(test.template)
			if parsed == nil {
				t.Fatal(err)
			}
			i := &Incident{ID: "P1", Number: 7, Title: test.title, Urgency: "high", Service: Named{Name: "Shop"}}
			if got := topic(parsed, i); got != test.want {
				t.Errorf("topic %q, want %q", got, test.want)
			}
		})
	}
}

func TestALongTopicIsCut(t *testing.T) {
	t.Parallel()
	parsed, err := parseTopic(DefaultTopic)
	if err != nil {
		t.Fatal(err)
	}
	got := topic(parsed, &Incident{Title: strings.Repeat("é", 300) + "\xff"})
	if n := utf8.RuneCountInString(got); n != topicLimit || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
		t.Errorf("%d characters: %q", n, got)
	}
}

package ledger

import (
	"strings"
	"testing"
)

func TestAMarkerIsReadBack(t *testing.T) {
	t.Parallel()
	m := Marker{Ledger: NewNonce(), Incident: "P1", Generation: 12, Nonce: NewNonce()}
	got, ok := ParseMarker(m.String() + "\nConference bridge of PagerDuty incident P1.")
	if !ok || got != m {
		t.Errorf("read %+v, %t, want %+v", got, ok, m)
	}
	if n := len(m.String()); n > 250 {
		t.Errorf("%d bytes do not fit into what a list shows", n)
	}
}

func TestNoOtherMarkerIsTaken(t *testing.T) {
	t.Parallel()
	good := Marker{Ledger: "0123456789abcdef", Incident: "P1", Generation: 1, Nonce: "fedcba9876543210"}.String()
	tests := []struct{ name, agenda string }{
		{"none", ""},
		{"somebody's own words", "[incidentbridge will call you]"},
		{"a marker that does not lead", "Agenda: " + good},
		{"another incident", strings.Replace(good, "incident=P1", "incident=P12", 1)},
		{"another generation", strings.Replace(good, "generation=1", "generation=2", 1)},
		{"another ledger", strings.Replace(good, "ledger=0", "ledger=1", 1)},
		{"another nonce", strings.Replace(good, "nonce=f", "nonce=0", 1)},
		{"a number written otherwise", strings.Replace(good, "generation=1", "generation=01", 1)},
		{"cut off", good[:len(good)-1]},
		{"blanks", strings.Replace(good, " ", "  ", 1)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if m, ok := ParseMarker(test.agenda); ok {
				t.Errorf("%q was read as %+v", test.agenda, m)
			}
		})
	}
}

func FuzzParseMarker(f *testing.F) {
	f.Add(Marker{Ledger: "0123456789abcdef", Incident: "P1", Generation: 1, Nonce: "fedcba9876543210"}.String())
	f.Add("[incidentbridge ]")
	f.Fuzz(func(t *testing.T, agenda string) {
		m, ok := ParseMarker(agenda)
		if ok && !strings.HasPrefix(agenda, m.String()) {
			t.Errorf("%q was read as %q", agenda, m)
		}
	})
}

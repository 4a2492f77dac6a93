package bridge

import (
	"strings"
	"testing"
)

func TestAMarkerIsReadBack(t *testing.T) {
	t.Parallel()
	m := marker{ledger: newNonce(), incident: "P1", generation: 12, nonce: newNonce()}
	got, ok := parseMarker(agenda(m, &Incident{ID: "P1"}))
	if !ok || got != m {
		t.Errorf("read %+v, %t, want %+v", got, ok, m)
	}
	if n := len(m.String()); n > 250 {
		t.Errorf("%d bytes do not fit into what a list shows", n)
	}
}

func TestNoOtherMarkerIsTaken(t *testing.T) {
	t.Parallel()
	good := marker{ledger: "0123456789abcdef", incident: "P1", generation: 1, nonce: "fedcba9876543210"}.String()
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
			if m, ok := parseMarker(test.agenda); ok {
				t.Errorf("%q was read as %+v", test.agenda, m)
			}
		})
	}
}

func FuzzParseMarker(f *testing.F) {
	f.Add(marker{ledger: "0123456789abcdef", incident: "P1", generation: 1, nonce: "fedcba9876543210"}.String())
	f.Add("[incidentbridge ]")
	f.Fuzz(func(t *testing.T, agenda string) {
		m, ok := parseMarker(agenda)
		if ok && !strings.HasPrefix(agenda, m.String()) {
			t.Errorf("%q was read as %q", agenda, m)
		}
	})
}

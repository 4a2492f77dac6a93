package pagerduty_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/incidentbridge/incidentbridge/pagerduty"
)

func TestParseIncidentID(t *testing.T) {
	t.Parallel()
	const us, eu = "acme.pagerduty.com", "acme.eu.pagerduty.com"
	tests := []struct{ name, in, host, want string }{
		{"id", "PABC123", us, "PABC123"},
		{"longer id", "Q02JTSNZWHSEKV", us, "Q02JTSNZWHSEKV"},
		{"id with blanks around", " PABC123\n", us, "PABC123"},
		{"id in small letters", "pabc123", us, "pabc123"},
		{"number", "1234", us, "1234"},
		{"id needs no host", "PABC123", "", "PABC123"},
		{"link", "https://acme.pagerduty.com/incidents/PABC123", us, "PABC123"},
		{"link with a number", "https://acme.pagerduty.com/incidents/1234", us, "1234"},
		{"link on the app host", "https://app.pagerduty.com/incidents/PABC123", us, "PABC123"},
		{"link in the EU", "https://acme.eu.pagerduty.com/incidents/PABC123", eu, "PABC123"},
		{"link on the EU app host", "https://app.eu.pagerduty.com/incidents/PABC123", eu, "PABC123"},
		{"host in capitals", "https://ACME.PagerDuty.com/incidents/PABC123", us, "PABC123"},
		{"link from a chat", "https://acme.pagerduty.com/incidents/PABC123?utm_source=slack&x=%2f#y", us, "PABC123"},
		{"host of a proxy", "https://pd.example.com:8443/incidents/PABC123", "pd.example.com:8443", "PABC123"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, err := pagerduty.ParseIncidentID(tt.in, tt.host); err != nil || got != tt.want {
				t.Errorf("ParseIncidentID = %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestParseIncidentIDRefusesEverythingElse(t *testing.T) {
	t.Parallel()
	const us, eu = "acme.pagerduty.com", "acme.eu.pagerduty.com"
	for _, id := range badIDs {
		for _, in := range []string{id, "https://acme.pagerduty.com/incidents/" + id} {
			if strings.HasSuffix(in, "/P1?x=y") || strings.HasSuffix(in, "/P1#x") {
				continue // bad ids, good links
			}
			refuse(t, in, us)
		}
	}
	for in, host := range map[string]string{
		"https://acme.pagerduty.com/incidents/P1":                              "",
		"https://other.pagerduty.com/incidents/P1":                             us,
		"https://acme.eu.pagerduty.com/incidents/P1":                           us,
		"https://app.eu.pagerduty.com/incidents/P1":                            us,
		"https://acme.pagerduty.com/incidents/P2":                              eu,
		"https://app.pagerduty.com/incidents/P2":                               eu,
		"https://app.pagerduty.com/incidents/P3":                               "pd.example.com",
		"https://acme.pagerduty.com.evil.example/incidents/P1":                 us,
		"https://evil.example/acme.pagerduty.com/incidents/P1":                 us,
		"https://acme.pagerduty.com@evil.example/incidents/P1":                 us,
		"https://evil@acme.pagerduty.com/incidents/P1":                         us,
		"https://acme.pagerduty.com:444/incidents/P1":                          us,
		"http://acme.pagerduty.com/incidents/P1":                               us,
		"//acme.pagerduty.com/incidents/P1":                                    us,
		"acme.pagerduty.com/incidents/P1":                                      us,
		"javascript://acme.pagerduty.com/incidents/P1":                         us,
		"https://acme.pagerduty.com/incidents":                                 us,
		"https://acme.pagerduty.com/incidents/":                                us,
		"https://acme.pagerduty.com/incidents/P1/":                             us,
		"https://acme.pagerduty.com/incidents/P1/timeline":                     us,
		"https://acme.pagerduty.com/incidents/../users/P1":                     us,
		"https://acme.pagerduty.com/x/../incidents/P1":                         us,
		"https://acme.pagerduty.com//incidents/P1":                             us,
		"https://acme.pagerduty.com/incidents/%50%31":                          us,
		"https://acme.pagerduty.com/%69ncidents/P1":                            us,
		"https://acme.pagerduty.com/incidents/P1%2f":                           us,
		"https://acme.pagerduty.com\\incidents\\P1":                            us,
		"https:///incidents/P1":                                                us,
		"https://":                                                             us,
		"#1234":                                                                us,
		"P1,P2":                                                                us,
		"https://acme.pagerduty.com/incidents/P1?" + strings.Repeat("x", 2000): us,
	} {
		refuse(t, in, host)
	}
}

func refuse(t *testing.T, in, host string) {
	t.Helper()
	got, err := pagerduty.ParseIncidentID(in, host)
	if !errors.Is(err, pagerduty.ErrInvalid) || got != "" {
		t.Errorf("ParseIncidentID(%q, %q) = %q, %v; want ErrInvalid", in, host, got, err)
	}
}

func FuzzParseIncidentID(f *testing.F) {
	f.Add("PABC123", "acme.pagerduty.com")
	f.Add("https://acme.pagerduty.com/incidents/PABC123?x=y#z", "acme.pagerduty.com")
	f.Add("https://app.eu.pagerduty.com/incidents/12", "acme.eu.pagerduty.com")
	f.Add("https://acme.pagerduty.com/incidents/%2e%2e/P1", "acme.pagerduty.com")
	f.Add("Ｐ１", "")
	f.Fuzz(func(t *testing.T, in, host string) {
		got, err := pagerduty.ParseIncidentID(in, host)
		if err != nil {
			if got != "" || !errors.Is(err, pagerduty.ErrInvalid) {
				t.Errorf("ParseIncidentID = %q, %v; want nothing and ErrInvalid", got, err)
			}
			return
		}
		const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
		if got == "" || len(got) > 128 || strings.Trim(got, allowed) != "" {
			t.Errorf("%q gives the id %q", in, got)
		}
		if !strings.Contains(in, got) {
			t.Errorf("%q gives the id %q, which is not in it", in, got)
		}
	})
}

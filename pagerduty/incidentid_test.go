package pagerduty_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/incidentbridge/incidentbridge/pagerduty"
)

// of returns a client of a region and, unless it is empty, of an account.
func of(t testing.TB, region pagerduty.Region, subdomain string) *pagerduty.Client {
	t.Helper()
	opts := []pagerduty.Option{pagerduty.WithRegion(region)}
	if subdomain != "" {
		opts = append(opts, pagerduty.WithSubdomain(subdomain))
	}
	client, err := pagerduty.NewClient(pagerduty.APIKey("key", "oncall@example.com"), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestParseIncidentID(t *testing.T) {
	t.Parallel()
	const us, eu = pagerduty.US, pagerduty.EU
	tests := []struct {
		name      string
		in        string
		region    pagerduty.Region
		subdomain string
		want      string
	}{
		{"id", "PABC123", us, "acme", "PABC123"},
		{"longer id", "Q02JTSNZWHSEKV", us, "acme", "Q02JTSNZWHSEKV"},
		{"id in small letters", "pabc123", us, "acme", "pabc123"},
		{"number", "1234", us, "acme", "1234"},
		{"id needs no account", "PABC123", us, "", "PABC123"},
		{"number needs no account", "1234", us, "", "1234"},
		{"link", "https://acme.pagerduty.com/incidents/PABC123", us, "acme", "PABC123"},
		{"link of an account with a hyphen", "https://ac-me1.pagerduty.com/incidents/PABC123", us, "ac-me1", "PABC123"},
		{"link with a number", "https://acme.pagerduty.com/incidents/1234", us, "acme", "1234"},
		{"link on the app host", "https://app.pagerduty.com/incidents/PABC123", us, "acme", "PABC123"},
		{"link in the EU", "https://acme.eu.pagerduty.com/incidents/PABC123", eu, "acme", "PABC123"},
		{"link on the EU app host", "https://app.eu.pagerduty.com/incidents/PABC123", eu, "acme", "PABC123"},
		{"link, account unknown", "https://acme.pagerduty.com/incidents/PABC123", us, "", "PABC123"},
		{"link in the EU, account unknown", "https://acme.eu.pagerduty.com/incidents/PABC123", eu, "", "PABC123"},
		{"link on the app host, account unknown", "https://app.pagerduty.com/incidents/PABC123", us, "", "PABC123"},
		{"host in capitals", "https://ACME.PagerDuty.com/incidents/PABC123", us, "acme", "PABC123"},
		{"account in capitals", "https://acme.pagerduty.com/incidents/PABC123", us, "Acme", "PABC123"},
		{"link from a chat", "https://acme.pagerduty.com/incidents/PABC123?utm_source=slack&x=%2f#y", us, "acme", "PABC123"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, err := of(t, tt.region, tt.subdomain).ParseIncidentID(tt.in); err != nil || got != tt.want {
				t.Errorf("ParseIncidentID = %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestParseIncidentIDRefusesEverythingElse(t *testing.T) {
	t.Parallel()
	us, eu, anyone := of(t, pagerduty.US, "acme"), of(t, pagerduty.EU, "acme"), of(t, pagerduty.US, "")
	for _, id := range badIDs {
		for _, in := range []string{id, "https://acme.pagerduty.com/incidents/" + id} {
			if strings.HasSuffix(in, "/P1?x=y") || strings.HasSuffix(in, "/P1#x") {
				continue // bad ids, good links
			}
			refuse(t, us, in)
			refuse(t, anyone, in)
		}
	}
	for in, client := range map[string]*pagerduty.Client{
		" PABC123":  us,
		"PABC123\n": us,
		"https://acme.pagerduty.com/incidents/1234":                            anyone, // whose?
		"https://other.pagerduty.com/incidents/1234":                           anyone,
		"https://app.pagerduty.com/incidents/12":                               us,
		"https://acme.eu.pagerduty.com/incidents/P4":                           anyone,
		"https://eu.pagerduty.com/incidents/P4":                                anyone,
		"https://pagerduty.com/incidents/P4":                                   anyone,
		"https://.pagerduty.com/incidents/P4":                                  anyone,
		"https://-.pagerduty.com/incidents/P4":                                 anyone,
		"https://a.b.pagerduty.com/incidents/P4":                               anyone,
		"https://evilpagerduty.com/incidents/P4":                               anyone,
		"https://pagerduty.com.evil.example/incidents/P4":                      anyone,
		"https://other.pagerduty.com/incidents/P1":                             us,
		"https://acme.eu.pagerduty.com/incidents/P1":                           us,
		"https://app.eu.pagerduty.com/incidents/P1":                            us,
		"https://acme.pagerduty.com/incidents/P2":                              eu,
		"https://app.pagerduty.com/incidents/P2":                               eu,
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
		refuse(t, client, in)
	}
}

func refuse(t *testing.T, client *pagerduty.Client, in string) {
	t.Helper()
	got, err := client.ParseIncidentID(in)
	if !errors.Is(err, pagerduty.ErrInvalid) || got != "" {
		t.Errorf("ParseIncidentID(%q) = %q, %v; want ErrInvalid", in, got, err)
	}
}

func FuzzParseIncidentID(f *testing.F) {
	f.Add("PABC123", false, true)
	f.Add("https://acme.pagerduty.com/incidents/PABC123?x=y#z", false, true)
	f.Add("https://app.eu.pagerduty.com/incidents/12", true, true)
	f.Add("https://other.pagerduty.com/incidents/P12", false, false)
	f.Add("https://acme.pagerduty.com/incidents/%2e%2e/P1", false, true)
	f.Add("Ｐ１", false, false)
	clients := map[[2]bool]*pagerduty.Client{
		{false, false}: of(f, pagerduty.US, ""), {false, true}: of(f, pagerduty.US, "acme"),
		{true, false}: of(f, pagerduty.EU, ""), {true, true}: of(f, pagerduty.EU, "acme"),
	}
	f.Fuzz(func(t *testing.T, in string, eu, known bool) {
		got, err := clients[[2]bool{eu, known}].ParseIncidentID(in)
		if err != nil {
			if got != "" || !errors.Is(err, pagerduty.ErrInvalid) {
				t.Errorf("ParseIncidentID = %q, %v; want nothing and ErrInvalid", got, err)
			}
			return
		}
		const digits = "0123456789"
		const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" + digits
		if got == "" || len(got) > 128 || strings.Trim(got, allowed) != "" {
			t.Errorf("%q gives the id %q", in, got)
		}
		if !strings.Contains(in, got) {
			t.Errorf("%q gives the id %q, which is not in it", in, got)
		}
		isLink := got != strings.TrimSpace(in)
		if isLink && !known && strings.Trim(got, digits) == "" {
			t.Errorf("%q gives the number %q, which is anybody's", in, got)
		}
		host, _, _ := strings.Cut(strings.ToLower(in), "/incidents/")
		if isLink && strings.HasSuffix(host, ".eu.pagerduty.com") != eu {
			t.Errorf("%q is of another region, and gives %q", in, got)
		}
	})
}

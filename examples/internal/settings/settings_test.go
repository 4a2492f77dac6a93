package settings_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
	"github.com/incidentbridge/incidentbridge/internal/redact"
)

// key is 32 bytes in base64.
const key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

// complete is the least that a service with both vendors needs, and more.
func complete(more map[string]string) map[string]string {
	environ := map[string]string{
		"ZOOM_ACCOUNT_ID": "acc", "ZOOM_CLIENT_ID": "cid", "ZOOM_CLIENT_SECRET": "zoom-secret",
		"ZOOM_HOSTS":      "a@example.com",
		"PAGERDUTY_TOKEN": "pd-token", "PAGERDUTY_FROM": "oncall@example.com",
		"STORE_URL": "memory:",
	}
	maps.Copy(environ, more)
	return environ
}

func defaults() settings.Settings {
	return settings.Settings{
		Addr: "127.0.0.1:8080", StoreURL: "memory:",
		ZoomHostLimit: 2,
		TriggerMaxAge: 15 * time.Minute, CloseOnResolve: true, CloseGrace: 10 * time.Minute,
		MaxAge: 24 * time.Hour, Retention: 720 * time.Hour,
		Overwrite: "never", Notes: "summary", Topic: "#{{.Number}} {{.Title}}",
		LogLevel: "info", LogFormat: "json",
	}
}

func TestNothingSetIsDemo(t *testing.T) {
	t.Parallel()
	want := defaults()
	want.Demo = true
	for name, environ := range map[string]map[string]string{
		"no environment":           nil,
		"variables of other tools": {"PATH": "/bin", "PAGERDUTY_API_KEY": "another tool's"},
		"empty is not given":       {"ZOOM_CLIENT_ID": "", "PAGERDUTY_TOKEN": "", "PAGERDUTY_TOKEN_FILE": "", "ADDR": ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := settings.Load(environ)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&want, got); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEverySettingIsRead(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, value string
		want        func(*settings.Settings)
	}{
		{"ADDR", ":9000", func(s *settings.Settings) { s.Addr = ":9000" }},
		{"ADDR", "[::1]:0", func(s *settings.Settings) { s.Addr = "[::1]:0" }},
		{"PUBLIC_URL", "https://ib.example.com/", func(s *settings.Settings) { s.PublicURL = "https://ib.example.com/" }},
		{"STORE_KEYS", "k1:" + key + ", k2:" + key, func(s *settings.Settings) {
			s.StoreKeys = redact.Secret("k1:" + key + ", k2:" + key)
		}},
		{"ZOOM_HOSTS", "a@example.com, Kdhf_8-x", func(s *settings.Settings) {
			s.ZoomHosts = settings.List[settings.ZoomHost]{"a@example.com", "Kdhf_8-x"}
		}},
		{"ZOOM_HOST_LIMIT", "1", func(s *settings.Settings) { s.ZoomHostLimit = 1 }},
		{"ZOOM_WEBHOOK_SECRETS", "one,two", func(s *settings.Settings) {
			s.ZoomWebhookSecrets = settings.List[settings.Secret]{"one", "two"}
		}},
		{"ZOOM_API_URL", "http://127.0.0.1:1/v2", func(s *settings.Settings) { s.ZoomAPIURL = "http://127.0.0.1:1/v2" }},
		{"ZOOM_OAUTH_URL", "https://zoomgov.com/oauth", func(s *settings.Settings) {
			s.ZoomOAuthURL = "https://zoomgov.com/oauth"
		}},
		{"PAGERDUTY_REGION", "eu", func(s *settings.Settings) { s.PagerDutyRegion = "eu" }},
		{"PAGERDUTY_API_URL", "http://localhost:1", func(s *settings.Settings) { s.PagerDutyAPIURL = "http://localhost:1" }},
		{"PAGERDUTY_OAUTH_URL", "https://identity.example.com/oauth", func(s *settings.Settings) {
			s.PagerDutyOAuthURL = "https://identity.example.com/oauth"
		}},
		{"PAGERDUTY_WEBHOOK_SECRETS", " one , two ", func(s *settings.Settings) {
			s.PagerDutyWebhookSecrets = settings.List[settings.Secret]{"one", "two"}
		}},
		{"ACTION_TOKENS", "t1,t2", func(s *settings.Settings) { s.ActionTokens = settings.List[settings.Secret]{"t1", "t2"} }},
		{"OPEN_ON", "incident.triggered,incident.priority_updated", func(s *settings.Settings) {
			s.OpenOn = settings.List[settings.EventType]{"incident.triggered", "incident.priority_updated"}
		}},
		{"OPEN_WORKFLOWS", "*", func(s *settings.Settings) { s.OpenWorkflows = settings.List[string]{"*"} }},
		{"OPEN_PRIORITIES", "P1,P2", func(s *settings.Settings) { s.OpenPriorities = settings.List[string]{"P1", "P2"} }},
		{"OPEN_URGENCIES", "high", func(s *settings.Settings) { s.OpenUrgencies = settings.List[settings.Urgency]{"high"} }},
		{"OPEN_SERVICES", "Checkout API,PSVC1", func(s *settings.Settings) {
			s.OpenServices = settings.List[string]{"Checkout API", "PSVC1"}
		}},
		{"TRIGGER_MAX_AGE", "1m30s", func(s *settings.Settings) { s.TriggerMaxAge = 90 * time.Second }},
		{"CLOSE_ON_RESOLVE", "false", func(s *settings.Settings) { s.CloseOnResolve = false }},
		{"CLOSE_GRACE", "0s", func(s *settings.Settings) { s.CloseGrace = 0 }},
		{"MAX_AGE", "1h", func(s *settings.Settings) { s.MaxAge = time.Hour }},
		{"RETENTION", "72h", func(s *settings.Settings) { s.Retention = 72 * time.Hour }},
		{"FALLBACK_URL", "https://meet.example.com/r?pwd=1", func(s *settings.Settings) {
			s.FallbackURL = "https://meet.example.com/r?pwd=1"
		}},
		{"FALLBACK_NUMBER", "+1 202 555 0100,,42#", func(s *settings.Settings) {
			s.FallbackNumber = "+1 202 555 0100,,42#"
		}},
		{"DIAL_IN_COUNTRIES", "DE, US", func(s *settings.Settings) { s.DialInCountries = settings.Countries{"DE", "US"} }},
		{"DIAL_IN_COUNTRIES", " none ", func(s *settings.Settings) { s.DialInCountries = settings.Countries{"none"} }},
		{"OVERWRITE", "always", func(s *settings.Settings) { s.Overwrite = "always" }},
		{"NOTES", "people", func(s *settings.Settings) { s.Notes = "people" }},
		{"RECORDING", "cloud", func(s *settings.Settings) { s.Recording = "cloud" }},
		{"TOPIC", "{{.Service.Name}}: {{.Title}}", func(s *settings.Settings) { s.Topic = "{{.Service.Name}}: {{.Title}}" }},
		{"LOG_LEVEL", "debug", func(s *settings.Settings) { s.LogLevel = "debug" }},
		{"LOG_FORMAT", "text", func(s *settings.Settings) { s.LogFormat = "text" }},
	}
	for _, test := range tests {
		t.Run(test.name+"="+test.value, func(t *testing.T) {
			t.Parallel()
			want := defaults()
			want.ZoomAccountID, want.ZoomClientID, want.ZoomClientSecret = "acc", "cid", "zoom-secret"
			want.ZoomHosts = settings.List[settings.ZoomHost]{"a@example.com"}
			want.PagerDutyToken, want.PagerDutyFrom = "pd-token", "oncall@example.com"
			test.want(&want)

			got, err := settings.Load(complete(map[string]string{test.name: test.value}))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&want, got); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStoreURLs(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"sqlite:ib.db", "postgres://u:p@db/ib", "redis://cache:6379/0", "dynamodb://bridges?region=eu-west-1",
	} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			got, err := settings.Load(complete(map[string]string{"STORE_URL": url, "STORE_KEYS": "a:" + key}))
			if err != nil {
				t.Fatal(err)
			}
			if string(got.StoreURL) != url {
				t.Errorf("StoreURL = %q, want %q", string(got.StoreURL), url)
			}
		})
	}
}

func TestInvalidValues(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, value, why string }{
		{"ADDR", "8080", "must be host:port"},
		{"ADDR", ":http", "must end in a port from 0 to 65535"},
		{"ADDR", ":70000", "must end in a port from 0 to 65535"},
		{"PUBLIC_URL", "ib.example.com", "must be an http or https address"},
		{"PUBLIC_URL", "ftp://ib.example.com", "must be an http or https address"},
		{"PUBLIC_URL", "https://u:geheim@ib.example.com", "must have no user, query or fragment"},
		{"PUBLIC_URL", "https://ib.example.com?geheim", "must have no user, query or fragment"},
		{"STORE_URL", "mysql://geheim", "must be memory:, sqlite:FILE, postgres://…, redis://… or dynamodb://TABLE"},
		{"STORE_URL", "memory", "must be memory:, sqlite:FILE, postgres://…, redis://… or dynamodb://TABLE"},
		{"STORE_URL", "memory:x", "must be memory:, sqlite:FILE, postgres://…, redis://… or dynamodb://TABLE"},
		{"STORE_URL", "sqlite:", "must be memory:, sqlite:FILE, postgres://…, redis://… or dynamodb://TABLE"},
		{"STORE_URL", "postgres:geheim", "must be memory:, sqlite:FILE, postgres://…, redis://… or dynamodb://TABLE"},
		{"STORE_KEYS", key, "entry 1 must be id:base64-of-32-bytes"},
		{"STORE_KEYS", "a:" + key + ",b:Z2VoZWlt", "entry 2 must be id:base64-of-32-bytes"},
		{"STORE_KEYS", "a:" + key + ",", "entry 2 must be id:base64-of-32-bytes"},
		{"STORE_KEYS", "a:" + key + ",a:" + key, "entry 2 has the id of another one"},
		{"ZOOM_ACCOUNT_ID", "a c", "must be printable characters without spaces"},
		{"ZOOM_CLIENT_ID", "a c", "must be printable characters without spaces"},
		{"ZOOM_CLIENT_SECRET", "geheim\n", "must be printable characters without spaces"},
		{"ZOOM_HOSTS", "a@example.com,", "has an empty entry"},
		{"ZOOM_HOSTS", "Ada <a@example.com>", "entry 1 must be an e-mail address"},
		{"ZOOM_HOSTS", "a@example.com,../me", "entry 2 must be an e-mail address or a Zoom user id"},
		{"ZOOM_HOST_LIMIT", "3", "must be 1 or 2"},
		{"ZOOM_HOST_LIMIT", "two", "must be a whole number"},
		{"ZOOM_WEBHOOK_SECRETS", "geheim,,b", "has an empty entry"},
		{"ZOOM_API_URL", "http://api.zoom.us/v2", "must be https, or http on this machine"},
		{"ZOOM_OAUTH_URL", "zoom.us/oauth", "must be an http or https address"},
		{"PAGERDUTY_TOKEN", "geheim two", "must be printable characters without spaces"},
		{"PAGERDUTY_FROM", "oncall", "must be an e-mail address"},
		{"PAGERDUTY_CLIENT_ID", "a c", "must be printable characters without spaces"},
		{"PAGERDUTY_CLIENT_SECRET", "geheim two", "must be printable characters without spaces"},
		{"PAGERDUTY_SUBDOMAIN", "acme.pagerduty.com", "must be letters, digits and '-'"},
		{"PAGERDUTY_REGION", "us2", "must be us or eu"},
		{"PAGERDUTY_API_URL", "http://api.pagerduty.com", "must be https, or http on this machine"},
		{"PAGERDUTY_OAUTH_URL", "https:///oauth", "must be an http or https address"},
		{"PAGERDUTY_WEBHOOK_SECRETS", ",", "has an empty entry"},
		{"ACTION_TOKENS", "geheim, ,", "has an empty entry"},
		{"ACTION_TOKENS", "geheim two", "entry 1 must be printable characters without spaces"},
		{"OPEN_ON", "triggered", "entry 1 must be an event such as incident.triggered"},
		{"OPEN_WORKFLOWS", "a,", "has an empty entry"},
		{"OPEN_PRIORITIES", ",P1", "has an empty entry"},
		{"OPEN_URGENCIES", "urgent", "entry 1 must be high, low or *"},
		{"OPEN_SERVICES", " ", "has an empty entry"},
		{"TRIGGER_MAX_AGE", "15", "must be a duration such as 15m"},
		{"TRIGGER_MAX_AGE", "0s", "must be at least 1ms"},
		{"CLOSE_ON_RESOLVE", "yes", "must be true or false"},
		{"CLOSE_GRACE", "-1s", "must be at least 0s"},
		{"MAX_AGE", "0s", "must be at least 1ms"},
		{"RETENTION", "71h", "must be at least 72h0m0s"},
		{"FALLBACK_URL", "meet.example.com/geheim", "must be an http or https address"},
		{"FALLBACK_NUMBER", "call me", "must be a phone number such as +1 202 555 0100"},
		{"DIAL_IN_COUNTRIES", "USA", "entry 1 must be a country code of two letters, or none alone"},
		{"DIAL_IN_COUNTRIES", "none,US", "entry 1 must be a country code of two letters, or none alone"},
		{"OVERWRITE", "true", "must be never or always"},
		{"NOTES", "all", "must be none, summary or people"},
		{"RECORDING", "true", "must be none, local or cloud"},
		{"TOPIC", "{{.Number", "must be a text/template"},
		{"TOPIC", "{{.Severity}}", "must name fields of an incident, such as {{.Number}} or {{.Title}}"},
		{"LOG_LEVEL", "loud", "must be debug, info, warn or error"},
		{"LOG_FORMAT", "xml", "must be json or text"},
	}
	for _, test := range tests {
		t.Run(test.name+"="+test.value, func(t *testing.T) {
			t.Parallel()
			environ := complete(map[string]string{test.name: test.value})
			if strings.HasPrefix(test.name, "PAGERDUTY_CLIENT") || test.name == "PAGERDUTY_SUBDOMAIN" {
				environ = merge(map[string]string{"PAGERDUTY_CLIENT_ID": "c", "PAGERDUTY_CLIENT_SECRET": "s"}, environ)
			}
			_, err := settings.Load(environ)
			want := &settings.Error{Invalid: []settings.Invalid{{Name: test.name, Why: test.why}}}
			if diff := cmp.Diff(want, problems(t, err)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if line := err.Error(); strings.Contains(line, "\n") || strings.Contains(line, "geheim") {
				t.Errorf("%q is not one line without a value", line)
			}
		})
	}
}

// Links with a passcode and the cookies of a login are sent there.
func TestPagesNeedSecureURL(t *testing.T) {
	t.Parallel()
	for address, why := range map[string]string{
		"https://ib.example.com": "", "https://ib.example.com/": "", "http://127.0.0.1:8080": "",
		"http://ib.example.com":       "must be https, or http on this machine",
		"https://ib.example.com/here": "must have no path when people log in or install",
	} {
		_, err := settings.Load(complete(map[string]string{
			"PUBLIC_URL": address, "PAGERDUTY_CLIENT_ID": "c", "PAGERDUTY_CLIENT_SECRET": "s",
		}))
		if why == "" && err != nil || why != "" && (err == nil || err.Error() != "PUBLIC_URL "+why) {
			t.Errorf("%s: %v, want %q", address, err, why)
		}
	}
}

func TestMissingSettings(t *testing.T) {
	t.Parallel()
	const zoomAll, pagerDutyAll = "ZOOM_ACCOUNT_ID ZOOM_CLIENT_ID ZOOM_CLIENT_SECRET ZOOM_HOSTS", "PAGERDUTY_TOKEN PAGERDUTY_FROM"
	tests := []struct{ given, missing string }{
		{"ZOOM_ACCOUNT_ID=a", "ZOOM_CLIENT_ID ZOOM_CLIENT_SECRET ZOOM_HOSTS " + pagerDutyAll},
		{"ZOOM_CLIENT_ID=a", "ZOOM_CLIENT_SECRET " + pagerDutyAll},
		{"ZOOM_CLIENT_SECRET=a", "ZOOM_CLIENT_ID " + pagerDutyAll},
		{"ZOOM_CLIENT_ID=a ZOOM_CLIENT_SECRET=b", pagerDutyAll},
		{"ZOOM_HOSTS=a", "ZOOM_ACCOUNT_ID ZOOM_CLIENT_ID ZOOM_CLIENT_SECRET " + pagerDutyAll},
		{"ZOOM_WEBHOOK_SECRETS=a", zoomAll + " " + pagerDutyAll},
		{"PAGERDUTY_TOKEN=a", zoomAll + " PAGERDUTY_FROM"},
		{"PAGERDUTY_FROM=a@example.com", zoomAll + " PAGERDUTY_TOKEN"},
		{"PAGERDUTY_REGION=eu", zoomAll + " " + pagerDutyAll},
		{"PAGERDUTY_CLIENT_ID=a", zoomAll + " PAGERDUTY_CLIENT_SECRET"},
		{"PAGERDUTY_CLIENT_SECRET=a", zoomAll + " PAGERDUTY_CLIENT_ID"},
		{"PAGERDUTY_SUBDOMAIN=a", zoomAll + " PAGERDUTY_CLIENT_ID PAGERDUTY_CLIENT_SECRET PAGERDUTY_FROM"},
		{"PAGERDUTY_CLIENT_ID=a PAGERDUTY_TOKEN=b", zoomAll + " PAGERDUTY_CLIENT_SECRET PAGERDUTY_FROM"},
		{"STORE_URL=sqlite:ib.db", "STORE_KEYS"},
		{"OPEN_ON=incident.triggered,incident.workflow.started", "OPEN_WORKFLOWS"},
	}
	for _, test := range tests {
		t.Run(test.given, func(t *testing.T) {
			t.Parallel()
			environ := map[string]string{"STORE_URL": "memory:"}
			for pair := range strings.FieldsSeq(test.given) {
				name, value, _ := strings.Cut(pair, "=")
				environ[name] = value
			}
			_, err := settings.Load(environ)
			want := &settings.Error{Missing: strings.Fields(test.missing)}
			if diff := cmp.Diff(want, problems(t, err)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDefaultStoreNeedsKeys(t *testing.T) {
	t.Parallel()
	environ := complete(nil)
	delete(environ, "STORE_URL")
	_, err := settings.Load(environ)
	if diff := cmp.Diff(&settings.Error{Missing: []string{"STORE_KEYS"}}, problems(t, err)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestAllProblemsInOneLine(t *testing.T) {
	t.Parallel()
	_, err := settings.Load(map[string]string{
		"ZOOM_ACCOUNT_ID": "a", "ZOOM_CLIENT_ID": "b", "ZOOM_HOST_LIMIT": "9",
		"PAGERDUTY_TOKEN": "t", "MAX_AGE": "soon", "STORE_URL": "memory:",
	})
	const want = "missing ZOOM_CLIENT_SECRET, ZOOM_HOSTS, PAGERDUTY_FROM; " +
		"MAX_AGE must be a duration such as 15m; ZOOM_HOST_LIMIT must be 1 or 2"
	if diff := cmp.Diff(want, problems(t, err).Error()); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
}

func TestSecretFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	environ := map[string]string{
		"ZOOM_ACCOUNT_ID": "acc", "ZOOM_CLIENT_ID": "cid", "ZOOM_HOSTS": "a@example.com",
		"PAGERDUTY_FROM":                 "oncall@example.com",
		"STORE_URL_FILE":                 file("store", "memory:\n"),
		"STORE_KEYS_FILE":                file("keys", "a:"+key),
		"ZOOM_CLIENT_SECRET_FILE":        file("zoom", "zoom-secret\r\n"),
		"ZOOM_WEBHOOK_SECRETS_FILE":      file("zoomhook", "one,two\n"),
		"PAGERDUTY_TOKEN_FILE":           file("pd", "pd-token"),
		"PAGERDUTY_CLIENT_ID":            "cid",
		"PAGERDUTY_CLIENT_SECRET_FILE":   file("pdc", "pd-secret\n"),
		"PAGERDUTY_WEBHOOK_SECRETS_FILE": file("pdhook", "three"),
		"ACTION_TOKENS_FILE":             file("tokens", "four , five\n"),
	}
	got, err := settings.Load(environ)
	if err != nil {
		t.Fatal(err)
	}
	want := defaults()
	want.ZoomAccountID, want.ZoomClientID, want.ZoomClientSecret = "acc", "cid", "zoom-secret"
	want.ZoomHosts, want.StoreKeys = settings.List[settings.ZoomHost]{"a@example.com"}, redact.Secret("a:"+key)
	want.ZoomWebhookSecrets = settings.List[settings.Secret]{"one", "two"}
	want.PagerDutyToken, want.PagerDutyFrom = "pd-token", "oncall@example.com"
	want.PagerDutyClientID, want.PagerDutyClientSecret = "cid", "pd-secret"
	want.PagerDutyWebhookSecrets = settings.List[settings.Secret]{"three"}
	want.ActionTokens = settings.List[settings.Secret]{"four", "five"}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestUnusableSecretFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{"empty": " \n", "huge": strings.Repeat("x", 100_000), "good": "token"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name    string
		environ map[string]string
		why     string
	}{
		{"not there", map[string]string{"PAGERDUTY_TOKEN_FILE": filepath.Join(dir, "none")}, "cannot be read: "},
		{"a folder", map[string]string{"PAGERDUTY_TOKEN_FILE": dir}, "cannot be read: "},
		{"empty", map[string]string{"PAGERDUTY_TOKEN_FILE": filepath.Join(dir, "empty")}, "names an empty file"},
		{"huge", map[string]string{"PAGERDUTY_TOKEN_FILE": filepath.Join(dir, "huge")}, "names a file of more than 65536 bytes"},
		{
			"beside the value",
			map[string]string{"PAGERDUTY_TOKEN_FILE": filepath.Join(dir, "good"), "PAGERDUTY_TOKEN": "t"},
			"is given beside PAGERDUTY_TOKEN; only one of them can count",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			environ := complete(nil)
			delete(environ, "PAGERDUTY_TOKEN")
			_, err := settings.Load(merge(environ, test.environ))
			got := problems(t, err)
			if len(got.Missing) > 0 || len(got.Invalid) != 1 ||
				got.Invalid[0].Name != "PAGERDUTY_TOKEN_FILE" || !strings.HasPrefix(got.Invalid[0].Why, test.why) {
				t.Errorf("got %q, want PAGERDUTY_TOKEN_FILE %s", err, test.why)
			}
		})
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	s, err := settings.Load(complete(map[string]string{
		"STORE_URL": "redis://:geheim@cache", "STORE_KEYS": "a:" + key, "ZOOM_CLIENT_SECRET": "geheim",
		"ZOOM_WEBHOOK_SECRETS": "geheim", "PAGERDUTY_TOKEN": "geheim", "PAGERDUTY_CLIENT_ID": "c",
		"PAGERDUTY_CLIENT_SECRET": "geheim", "PAGERDUTY_WEBHOOK_SECRETS": "geheim", "ACTION_TOKENS": "geheim",
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		printed := fmt.Sprintf(format, *s)
		for _, secret := range []string{"geheim", key, fmt.Sprintf("%x", "geheim")} {
			if strings.Contains(printed, secret) {
				t.Errorf("%s shows a secret", format)
			}
		}
	}
}

func merge(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func problems(t *testing.T, err error) *settings.Error {
	t.Helper()
	var problems *settings.Error
	if !errors.As(err, &problems) {
		t.Fatalf("Load returned %v, want a *settings.Error", err)
	}
	return problems
}

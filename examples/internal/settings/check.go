package settings

import (
	"fmt"
	"io"
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/internal/urlcheck"
)

// check looks at every value that was given, one line a setting.
func (s *Settings) check(problems *Error) {
	report := func(name, why string) {
		if why != "" {
			problems.add(name, why)
		}
	}

	report("ADDR", address(s.Addr))
	report("PUBLIC_URL", optional(s.PublicURL, s.publicURL))
	report("STORE_URL", storeURL(string(s.StoreURL)))
	report("STORE_KEYS", optional(string(s.StoreKeys), storeKeys))

	report("ZOOM_ACCOUNT_ID", optional(s.ZoomAccountID, word))
	report("ZOOM_CLIENT_ID", optional(s.ZoomClientID, word))
	report("ZOOM_CLIENT_SECRET", optional(string(s.ZoomClientSecret), word))
	report("ZOOM_HOSTS", entries(s.ZoomHosts, zoomHost))
	report("ZOOM_HOST_LIMIT", oneOf(strconv.Itoa(s.ZoomHostLimit), "1", "2"))
	report("ZOOM_WEBHOOK_SECRETS", entries(s.ZoomWebhookSecrets, word))
	report("ZOOM_API_URL", optional(s.ZoomAPIURL, vendorURL))
	report("ZOOM_OAUTH_URL", optional(s.ZoomOAuthURL, vendorURL))

	report("PAGERDUTY_TOKEN", optional(string(s.PagerDutyToken), word))
	report("PAGERDUTY_FROM", optional(s.PagerDutyFrom, email))
	report("PAGERDUTY_CLIENT_ID", optional(s.PagerDutyClientID, word))
	report("PAGERDUTY_CLIENT_SECRET", optional(string(s.PagerDutyClientSecret), word))
	report("PAGERDUTY_SUBDOMAIN", optional(s.PagerDutySubdomain, subdomain))
	report("PAGERDUTY_REGION", optional(s.PagerDutyRegion, func(v string) string { return oneOf(v, "us", "eu") }))
	report("PAGERDUTY_API_URL", optional(s.PagerDutyAPIURL, vendorURL))
	report("PAGERDUTY_OAUTH_URL", optional(s.PagerDutyOAuthURL, vendorURL))
	report("PAGERDUTY_WEBHOOK_SECRETS", entries(s.PagerDutyWebhookSecrets, word))

	report("ACTION_TOKENS", entries(s.ActionTokens, word))

	report("OPEN_ON", entries(s.OpenOn, eventType))
	report("OPEN_WORKFLOWS", entries(s.OpenWorkflows, anything))
	report("OPEN_PRIORITIES", entries(s.OpenPriorities, anything))
	report("OPEN_URGENCIES", entries(s.OpenUrgencies, urgency))
	report("OPEN_SERVICES", entries(s.OpenServices, anything))
	report("TRIGGER_MAX_AGE", atLeast(s.TriggerMaxAge, time.Millisecond))

	report("CLOSE_GRACE", atLeast(s.CloseGrace, 0))
	report("MAX_AGE", atLeast(s.MaxAge, time.Millisecond))
	report("RETENTION", atLeast(s.Retention, 72*time.Hour))

	report("FALLBACK_URL", optional(s.FallbackURL, roomURL))
	report("FALLBACK_NUMBER", optional(s.FallbackNumber, phoneNumber))
	report("DIAL_IN_COUNTRIES", countries(s.DialInCountries))

	report("OVERWRITE", oneOf(s.Overwrite, "never", "always"))
	report("NOTES", oneOf(string(s.Notes), "none", "summary", "people"))
	report("RECORDING", optional(string(s.Recording), func(v string) string {
		return oneOf(v, "none", "local", "cloud")
	}))
	report("TOPIC", topic(s.Topic))

	report("LOG_LEVEL", oneOf(s.LogLevel, "debug", "info", "warn", "error"))
	report("LOG_FORMAT", oneOf(s.LogFormat, "json", "text"))
}

// The functions below return what is wrong with a value, or "". None of them repeats the value.

func optional(value string, check func(string) string) string {
	if value == "" {
		return ""
	}
	return check(value)
}

// entries trims every entry of a list in place and checks it.
func entries[T ~string](list []T, check func(string) string) string {
	for i, entry := range list {
		list[i] = T(strings.TrimSpace(string(entry)))
		if list[i] == "" {
			return "has an empty entry"
		}
		if why := check(string(list[i])); why != "" {
			return fmt.Sprintf("entry %d %s", i+1, why)
		}
	}
	return ""
}

func oneOf(value string, choices ...string) string {
	if slices.Contains(choices, value) {
		return ""
	}
	last := len(choices) - 1
	return "must be " + strings.Join(choices[:last], ", ") + " or " + choices[last]
}

func atLeast(d, least time.Duration) string {
	if d < least {
		return "must be at least " + least.String()
	}
	return ""
}

func anything(string) string { return "" }

// word is what ids, tokens and secrets are made of; a space or a line end in one was pasted by mistake.
func word(value string) string {
	return matches(value, `^[!-~]+$`, "must be printable characters without spaces")
}

func matches(value, pattern, why string) string {
	if regexp.MustCompile(pattern).MatchString(value) {
		return ""
	}
	return why
}

func address(value string) string {
	_, port, err := net.SplitHostPort(value)
	if err != nil {
		return "must be host:port"
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "must end in a port from 0 to 65535"
	}
	return ""
}

func webURL(value string) string {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return "must be an http or https address"
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "must have no user, query or fragment"
	}
	return ""
}

// publicURL is where browsers come, when there are pages.
func (s *Settings) publicURL(value string) string {
	if s.hasPages() {
		return pagesURL(value)
	}
	return webURL(value)
}

// pagesURL also wants the cookies of a login to be safe, and the pages to be at the top.
func pagesURL(value string) string {
	if why := vendorURL(value); why != "" {
		return why
	}
	if u, err := url.Parse(value); err != nil || strings.Trim(u.Path, "/") != "" {
		return "must have no path when people log in or install"
	}
	return ""
}

// vendorURL also wants what is sent there to be encrypted, unless it stays on this machine.
func vendorURL(value string) string {
	if why := webURL(value); why != "" {
		return why
	}
	u, err := url.Parse(value)
	if err != nil || !urlcheck.IsSecure(u) {
		return "must be https, or http on this machine"
	}
	return ""
}

// roomURL may carry a passcode in its query.
func roomURL(value string) string {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		return "must be an http or https address"
	}
	return ""
}

func phoneNumber(value string) string {
	return matches(value, `^\+?[0-9][0-9 ().,*#-]*$`, "must be a phone number such as +1 202 555 0100")
}

func email(value string) string {
	a, err := mail.ParseAddress(value)
	if err != nil || a.Address != value {
		return "must be an e-mail address"
	}
	return ""
}

func zoomHost(value string) string {
	if strings.Contains(value, "@") {
		return email(value)
	}
	return matches(value, `^[A-Za-z0-9_.~=+-]+$`, "must be an e-mail address or a Zoom user id")
}

func subdomain(value string) string {
	return matches(value, `^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$`, "must be letters, digits and '-'")
}

func eventType(value string) string {
	return matches(value, `^incident(\.[a-z_]+)+$`, "must be an event such as incident.triggered")
}

func urgency(value string) string { return oneOf(value, "high", "low", "*") }

func countries(list []string) string {
	if len(list) == 1 && strings.TrimSpace(list[0]) == "none" {
		list[0] = "none"
		return ""
	}
	return entries(list, func(v string) string {
		return matches(v, `^[A-Za-z]{2}$`, "must be a country code of two letters, or none alone")
	})
}

// topic runs the template once, so that a field that does not exist is found now.
func topic(text string) string {
	t, err := template.New("topic").Option("missingkey=error").Parse(text)
	if err != nil {
		return "must be a text/template"
	}
	if err := t.Execute(io.Discard, bridge.Incident{}); err != nil {
		return "must name fields of an incident, such as {{.Number}} or {{.Title}}"
	}
	return ""
}

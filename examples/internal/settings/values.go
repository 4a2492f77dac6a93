package settings

import (
	"encoding"
	"errors"
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

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/internal/urlcheck"
)

// The types of values. Each checks its value when it is read from the environment. Errors
// say what a good value looks like and do not repeat the bad one, which may be a secret.

// List is a list separated by commas, without empty entries.
type List[T any] []T

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *List[T]) UnmarshalText(text []byte) error {
	var list List[T]
	for i, entry := range strings.Split(string(text), ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			return errors.New("has an empty entry")
		}
		var value T
		if err := unmarshal(&value, entry); err != nil {
			return fmt.Errorf("entry %d %w", i+1, err)
		}
		list = append(list, value)
	}
	*l = list
	return nil
}

// unmarshal sets a string, or a value that unmarshals itself.
func unmarshal(value any, text string) error {
	switch v := value.(type) {
	case encoding.TextUnmarshaler:
		return v.UnmarshalText([]byte(text))
	case *string:
		*v = text
		return nil
	default:
		return errors.New("cannot be read")
	}
}

// HostPort is an address to listen on.
type HostPort string

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *HostPort) UnmarshalText(text []byte) error {
	_, port, err := net.SplitHostPort(string(text))
	if err != nil {
		return errors.New("must be host:port")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return errors.New("must end in a port from 0 to 65535")
	}
	*a = HostPort(text)
	return nil
}

// WebURL is an http or https address without user, query or fragment.
type WebURL string

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *WebURL) UnmarshalText(text []byte) error {
	parsed, err := url.Parse(string(text))
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Hostname() == "" {
		return errNotWebURL()
	}
	if parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "" {
		return errors.New("must have no user, query or fragment")
	}
	*u = WebURL(text)
	return nil
}

// SecureURL is a WebURL to which secrets may be sent: https, or http on this machine.
type SecureURL string

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *SecureURL) UnmarshalText(text []byte) error {
	var web WebURL
	if err := web.UnmarshalText(text); err != nil {
		return err
	}
	parsed, err := url.Parse(string(web))
	if err != nil || !urlcheck.IsSecure(parsed) {
		return errors.New("must be https, or http on this machine")
	}
	*u = SecureURL(web)
	return nil
}

// RoomURL is the link of a static room. Its query may hold a passcode.
type RoomURL string

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *RoomURL) UnmarshalText(text []byte) error {
	parsed, err := url.Parse(string(text))
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Hostname() == "" || parsed.User != nil {
		return errNotWebURL()
	}
	*u = RoomURL(text)
	return nil
}

func errNotWebURL() error { return errors.New("must be an http or https address") }

// ID is an identifier that a vendor has issued.
type ID string

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *ID) UnmarshalText(text []byte) error { return setWord(id, text) }

// Email is an e-mail address without a name.
type Email string

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *Email) UnmarshalText(text []byte) error {
	address, err := mail.ParseAddress(string(text))
	if err != nil || address.Address != string(text) {
		return errors.New("must be an e-mail address")
	}
	*e = Email(text)
	return nil
}

// ZoomHost is the e-mail address or the id of a Zoom user.
type ZoomHost string

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *ZoomHost) UnmarshalText(text []byte) error {
	if !strings.Contains(string(text), "@") {
		return setMatch(h, text, `^[A-Za-z0-9_.~=+-]+$`, "must be an e-mail address or a Zoom user id")
	}
	var email Email
	if err := email.UnmarshalText(text); err != nil {
		return err
	}
	*h = ZoomHost(email)
	return nil
}

// Subdomain is the subdomain of a PagerDuty account.
type Subdomain string

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Subdomain) UnmarshalText(text []byte) error {
	return setMatch(d, text, `^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$`, "must be letters, digits and '-'")
}

// Region is a service region of PagerDuty.
type Region string

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Region) UnmarshalText(text []byte) error { return setChoice(r, text, "us", "eu") }

// EventType is the type of a V3 webhook event.
type EventType string

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *EventType) UnmarshalText(text []byte) error {
	return setMatch(e, text, `^incident(\.[a-z_]+)+$`, "must be an event such as incident.triggered")
}

// Urgency is the urgency of an incident, or "*" for any.
type Urgency string

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *Urgency) UnmarshalText(text []byte) error { return setChoice(u, text, "high", "low", "*") }

// PhoneNumber is a phone number, with pauses and a code after it.
type PhoneNumber string

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *PhoneNumber) UnmarshalText(text []byte) error {
	return setMatch(n, text, `^\+?[0-9][0-9 ().,*#-]*$`, "must be a phone number such as +1 202 555 0100")
}

// Country is an ISO 3166 code of two letters.
type Country string

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Country) UnmarshalText(text []byte) error {
	return setMatch(c, text, `^[A-Za-z]{2}$`, "must be a country code of two letters, or none alone")
}

// noCountry is the value of DIAL_IN_COUNTRIES for links without dial-in numbers.
const noCountry = "none"

// Countries is a list of countries, or "none" alone.
type Countries []Country

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Countries) UnmarshalText(text []byte) error {
	if strings.TrimSpace(string(text)) == noCountry {
		*c = Countries{noCountry}
		return nil
	}
	var list List[Country]
	if err := list.UnmarshalText(text); err != nil {
		return err
	}
	*c = Countries(list)
	return nil
}

// Overwrite decides about bridges that we did not write.
type Overwrite string

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *Overwrite) UnmarshalText(text []byte) error { return setChoice(o, text, "never", "always") }

// Notes decides what is noted on an incident.
type Notes string

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *Notes) UnmarshalText(text []byte) error {
	return setChoice(n, text, "none", "summary", "people")
}

// bridge is the choice as package bridge has it, which writes nothing about people yet.
func (n Notes) bridge() bridge.Notes {
	if n == "none" {
		return bridge.NotesNone
	}
	return bridge.NotesSummary
}

// Recording is where meetings are recorded.
type Recording string

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Recording) UnmarshalText(text []byte) error {
	return setChoice(r, text, "none", "local", "cloud")
}

// Topic is a text/template over a bridge.Incident.
type Topic string

// UnmarshalText implements encoding.TextUnmarshaler. It runs the template once, so that
// an unknown field is found now.
func (t *Topic) UnmarshalText(text []byte) error {
	parsed, err := template.New("topic").Option("missingkey=error").Parse(string(text))
	if err != nil {
		return errors.New("must be a text/template")
	}
	if err := parsed.Execute(io.Discard, bridge.Incident{}); err != nil {
		return errors.New("must name fields of an incident, such as {{.Number}} or {{.Title}}")
	}
	*t = Topic(text)
	return nil
}

// LogLevel is the lowest level that is logged.
type LogLevel string

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *LogLevel) UnmarshalText(text []byte) error {
	return setChoice(l, text, "debug", "info", "warn", "error")
}

// LogFormat is the format of log lines.
type LogFormat string

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *LogFormat) UnmarshalText(text []byte) error { return setChoice(f, text, "json", "text") }

// setChoice sets a value that must be one of the choices.
func setChoice[T ~string](value *T, text []byte, choices ...string) error {
	if !slices.Contains(choices, string(text)) {
		last := len(choices) - 1
		return errors.New("must be " + strings.Join(choices[:last], ", ") + " or " + choices[last])
	}
	*value = T(text)
	return nil
}

// setMatch sets a value that must match the pattern; want describes it.
func setMatch[T ~string](value *T, text []byte, pattern, want string) error {
	if !regexp.MustCompile(pattern).Match(text) {
		return errors.New(want)
	}
	*value = T(text)
	return nil
}

// setWord sets an id, token or secret: a space or a line end in one was pasted by
// mistake.
func setWord[T ~string](value *T, text []byte) error {
	return setMatch(value, text, `^[!-~]+$`, "must be printable characters without spaces")
}

// stringsOf returns the values as strings.
func stringsOf[T ~string](values []T) []string {
	list := make([]string, len(values))
	for i, value := range values {
		list[i] = string(value)
	}
	return list
}

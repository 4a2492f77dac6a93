package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"text/template"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge/internal/ledger"
)

// Option changes how a Service works. Options may come in any order; a bad one makes New
// fail.
type Option func(*config) error

type config struct {
	namespace      string
	installation   Installation // nil: the app is not installed by consent
	fallbacks      []Provider
	logger         *slog.Logger
	handleEvent    func(context.Context, Event)
	overwrite      bool
	topic          *template.Template
	recording      Recording
	dialIn         DialInPreference
	notes          Notes
	openOn         OpenOn
	triggerMaxAge  time.Duration
	closeOnResolve bool
	grace          time.Duration
	maxAge         time.Duration
	retention      time.Duration
	maxOpenings    int
	now            func() time.Time // another process's clock, in the simulation
}

// defaultNamespace names the only part of the ledger that a process serves unless
// WithNamespace names another.
const defaultNamespace = "default"

func defaults() config {
	return config{
		namespace:      defaultNamespace,
		logger:         slog.New(slog.DiscardHandler),
		handleEvent:    func(context.Context, Event) {},
		topic:          template.Must(parseTopic(DefaultTopic)),
		notes:          NotesSummary,
		triggerMaxAge:  15 * time.Minute,
		closeOnResolve: true,
		grace:          10 * time.Minute,
		maxAge:         24 * time.Hour,
		retention:      720 * time.Hour,
		maxOpenings:    64,
		now:            time.Now,
	}
}

// WithFallback names the providers to ask, in order, when the first cannot make a
// meeting.
func WithFallback(providers ...Provider) Option {
	return func(c *config) error {
		for _, p := range providers {
			if p == nil {
				return errors.New("bridge: WithFallback: nil provider")
			}
			if v, ok := p.(interface{ validate() error }); ok {
				if err := v.validate(); err != nil {
					return err
				}
			}
		}
		c.fallbacks = append(c.fallbacks, providers...)
		return nil
	}
}

// WithNamespace names the part of the ledger this Service serves; it is in every key.
// Default "default"; letters, digits, '-' and '_' only.
func WithNamespace(id string) Option {
	return func(c *config) error {
		if !isWord(id) {
			return fmt.Errorf("bridge: WithNamespace: %q is not made of letters, digits, '-' and '_'", id)
		}
		c.namespace = id
		return nil
	}
}

// WithInstallation makes the Service serve only while the app is installed, and has Run
// and Reconcile maintain the installation. Without one, Open and Replace fail with
// ErrNotInstalled, and Run and Reconcile give up the bridges that are still open: they
// become StateAbandoned.
func WithInstallation(i Installation) Option {
	return func(c *config) error {
		if i == nil {
			return errors.New("bridge: WithInstallation: nil installation")
		}
		c.installation = i
		return nil
	}
}

// WithLogger logs what happens. Links, dial-ins and secrets are never logged. Default: no
// log.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) error {
		if l == nil {
			return errors.New("bridge: WithLogger: nil logger")
		}
		c.logger = l
		return nil
	}
}

// WithEventHandler calls handle for every Event, on the goroutine that made it: it must
// be quick and safe for concurrent use.
func WithEventHandler(handle func(context.Context, Event)) Option {
	return func(c *config) error {
		if handle == nil {
			return errors.New("bridge: WithEventHandler: nil function")
		}
		c.handleEvent = handle
		return nil
	}
}

// WithOverwrite lets a bridge that a human wrote be replaced by ours. Default: it is
// kept, and the bridge is External.
func WithOverwrite() Option {
	return func(c *config) error {
		c.overwrite = true
		return nil
	}
}

// DefaultTopic is the meeting's topic unless WithTopic says otherwise.
const DefaultTopic = "#{{.Number}} {{.Title}}"

// WithTopic sets the meeting's topic: a text/template over an Incident.
func WithTopic(text string) Option {
	return func(c *config) error {
		t, err := parseTopic(text)
		if err != nil {
			return fmt.Errorf("bridge: WithTopic: %w", err)
		}
		c.topic = t
		return nil
	}
}

// WithRecording sets whether meetings are recorded. Default: the account's own setting.
func WithRecording(r Recording) Option {
	return func(c *config) error {
		switch r {
		case "", RecordingNone, RecordingLocal, RecordingCloud:
			c.recording = r
			return nil
		default:
			return fmt.Errorf("bridge: WithRecording: unknown choice %q", string(r))
		}
	}
}

// WithDialIn prefers dial-in numbers of these countries (ISO 3166, best first). Default:
// the provider's order.
func WithDialIn(countries ...string) Option {
	return func(c *config) error {
		for _, country := range countries {
			if len(country) != 2 || !isWord(country) {
				return fmt.Errorf("bridge: WithDialIn: %q is not a country code of two letters", country)
			}
		}
		c.dialIn = DialInPreference{Countries: countries}
		return nil
	}
}

// WithoutDialIn offers the link alone.
func WithoutDialIn() Option {
	return func(c *config) error {
		c.dialIn = DialInPreference{Off: true}
		return nil
	}
}

// Notes is what is written to the incident as notes.
type Notes string

// The choices of notes.
const (
	NotesNone    Notes = "none"    // nothing at all
	NotesSummary Notes = "summary" // what went wrong or otherwise than usual; the default
)

// WithNotes sets what is written to the incident as notes.
func WithNotes(n Notes) Option {
	return func(c *config) error {
		switch n {
		case NotesNone, NotesSummary:
			c.notes = n
			return nil
		default:
			return fmt.Errorf("bridge: WithNotes: unknown choice %q", string(n))
		}
	}
}

// WithOpenOn sets which webhook events open a bridge. Default: none.
func WithOpenOn(rules OpenOn) Option {
	return func(c *config) error {
		if err := rules.validate(); err != nil {
			return fmt.Errorf("bridge: WithOpenOn: %w", err)
		}
		c.openOn = rules
		return nil
	}
}

// WithTriggerMaxAge sets the age above which a trigger opens nothing. Default 15 minutes.
func WithTriggerMaxAge(d time.Duration) Option {
	return positive("WithTriggerMaxAge", d, func(c *config) { c.triggerMaxAge = d })
}

// WithCloseOnResolve sets whether a resolved incident closes its bridge. Default true.
func WithCloseOnResolve(yes bool) Option {
	return func(c *config) error {
		c.closeOnResolve = yes
		return nil
	}
}

// WithGrace sets how long a closing bridge stays usable. Default 10 minutes; zero ends it
// at once.
func WithGrace(d time.Duration) Option {
	return func(c *config) error {
		if d < 0 {
			return fmt.Errorf("bridge: WithGrace: %v is negative", d)
		}
		c.grace = d
		return nil
	}
}

// WithMaxAge sets the age at which a bridge is ended even when somebody is inside.
// Default 24 hours.
func WithMaxAge(d time.Duration) Option {
	return positive("WithMaxAge", d, func(c *config) { c.maxAge = d })
}

// WithRetention sets how long the ledger remembers a closed bridge. Default 720 hours; at
// least 72, because PagerDuty redelivers for 48.
func WithRetention(d time.Duration) Option {
	return func(c *config) error {
		if d < ledger.KeyLife {
			return fmt.Errorf("bridge: WithRetention: %v is less than %v", d, ledger.KeyLife)
		}
		c.retention = d
		return nil
	}
}

// WithMaxOpenings bounds the openings at work at once in this process; above it Open
// fails with ErrUnavailable. Default 64.
func WithMaxOpenings(n int) Option {
	return func(c *config) error {
		if n < 1 {
			return fmt.Errorf("bridge: WithMaxOpenings: %d is less than 1", n)
		}
		c.maxOpenings = n
		return nil
	}
}

func positive(name string, d time.Duration, set func(*config)) Option {
	return func(c *config) error {
		if d <= 0 {
			return fmt.Errorf("bridge: %s: %v is not positive", name, d)
		}
		set(c)
		return nil
	}
}

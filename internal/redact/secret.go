package redact

import (
	"fmt"
	"io"
	"log/slog"
)

const placeholder = "[redacted]"

// Secret is a string no print, log or encoder shows: each gives "[redacted]", and nothing for an empty one, so that
// "not set" can still be told. string(s) is the way to its content.
type Secret string

// String returns "[redacted]".
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return placeholder
}

// GoString returns what String does, quoted.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// Format prints "[redacted]" for every verb, %x and %q too.
func (s Secret) Format(f fmt.State, verb rune) {
	text := s.String()
	if verb == 'q' || verb == 'v' && f.Flag('#') {
		text = s.GoString()
	}
	_, _ = io.WriteString(f, text)
}

// MarshalText returns "[redacted]", for XML and other text encodings. encoding/json does not ask it for the keys of a
// map: a Secret must not be one.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON returns "[redacted]" as a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// LogValue returns "[redacted]" for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

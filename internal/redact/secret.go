package redact

import (
	"fmt"
	"io"
	"log/slog"
)

const placeholder = "[redacted]"

// Secret is a string that prints as "[redacted]" in every fmt verb, in JSON, XML and
// slog; an empty one stays empty, so that "not set" can still be seen. Convert it with
// string(s) where the real value is needed. It must not be the key of a map that is
// encoded: encoding/json writes string keys as they are.
type Secret string

// String returns "[redacted]", or "" for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return placeholder
}

// Format writes the same as String for every verb and flag, so that %q, %x and %#v show
// nothing either.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText returns the same as String; encoding/json uses it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue returns the same as String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// SecretFunc returns a secret. Hold one in an unexported field instead of the string or a
// [Secret]: fmt calls no methods of unexported fields and prints their content, but of a
// function only the address.
type SecretFunc func() string

// NewSecretFunc returns a function that returns secret.
func NewSecretFunc(secret string) SecretFunc { return func() string { return secret } }

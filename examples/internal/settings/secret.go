package settings

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/incidentbridge/incidentbridge/internal/redact"
)

// Secret is a secret of printable characters without spaces. It prints as "[redacted]";
// string(s) is the secret itself.
type Secret string

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Secret) UnmarshalText(text []byte) error { return setWord(s, text) }

// Format hides the secret from every verb of package fmt.
func (s Secret) Format(f fmt.State, verb rune) { redact.Secret(s).Format(f, verb) }

// LogValue hides the secret from log/slog.
func (s Secret) LogValue() slog.Value { return redact.Secret(s).LogValue() }

// MarshalText hides the secret from encodings such as JSON.
func (s Secret) MarshalText() ([]byte, error) { return redact.Secret(s).MarshalText() }

// fileLimit is far above any secret. It keeps a wrong path such as /dev/zero from filling
// the memory.
const fileLimit = 64 << 10

// readFiles sets X to the content of the file that X_FILE names, for every secret X.
func readFiles(given map[string]string, problems *Error) {
	for _, name := range names() {
		path := given[name.file()]
		if !name.secret || path == "" {
			continue
		}
		if given[name.key] != "" {
			problems.add(name.file(), "is given beside "+name.key+"; only one of them can count")
			continue
		}
		text, err := readFile(path)
		if err != nil {
			problems.add(name.file(), err.Error())
			continue
		}
		given[name.key] = text
	}
}

func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", err)
	}
	defer func() { _ = f.Close() }() // it is only read

	text, err := io.ReadAll(io.LimitReader(f, fileLimit+1))
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", err)
	}
	if len(text) > fileLimit {
		return "", fmt.Errorf("names a file of more than %d bytes", fileLimit)
	}
	trimmed := strings.TrimSpace(string(text))
	if trimmed == "" {
		return "", errors.New("names an empty file")
	}
	return trimmed, nil
}

// name is the variable of a setting.
type name struct {
	key    string
	secret bool
}

func (n name) file() string { return n.key + "_FILE" }

func (n name) given(in map[string]string) bool {
	return in[n.key] != "" || n.secret && in[n.file()] != ""
}

// names returns the variable of every setting, in the order of Settings.
func names() []name {
	secretTypes := []reflect.Type{reflect.TypeFor[redact.Secret](), reflect.TypeFor[Secret](), reflect.TypeFor[List[Secret]]()}
	var all []name
	for field := range reflect.TypeFor[Settings]().Fields() {
		key := field.Tag.Get("env")
		if key == "" {
			continue
		}
		secret := slices.Contains(secretTypes, field.Type)
		all = append(all, name{key: key, secret: secret})
	}
	return all
}

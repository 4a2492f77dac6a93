package settings

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"reflect"
	"strings"
)

// Secret is a text that prints as "[redacted]"; string(s) is the text itself.
type Secret string

const redacted = "[redacted]"

// String hides the secret from the verbs of package fmt.
func (s Secret) String() string { return redacted }

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return redacted }

// LogValue hides the secret from log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the secret from encodings such as JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// fileLimit is far above any secret; a wrong path such as /dev/zero must not fill the memory.
const fileLimit = 64 << 10

// readFiles puts what the file named by X_FILE holds into X, for every secret X.
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
	defer func() { _ = f.Close() }() // it was only read

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

// name is a setting's variable and whether its value is a secret.
type name struct {
	key    string
	secret bool
}

func (n name) file() string { return n.key + "_FILE" }

func (n name) given(in map[string]string) bool {
	return in[n.key] != "" || n.secret && in[n.file()] != ""
}

// names lists every setting in the order of Settings.
func names() []name {
	var all []name
	for field := range reflect.TypeFor[Settings]().Fields() {
		key := field.Tag.Get("env")
		if key == "" {
			continue
		}
		secret := field.Type == reflect.TypeFor[Secret]() || field.Type == reflect.TypeFor[[]Secret]()
		all = append(all, name{key: key, secret: secret})
	}
	return all
}

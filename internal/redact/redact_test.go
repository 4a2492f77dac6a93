package redact_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/internal/redact"
)

func ExampleSecret() {
	token := redact.Secret("hunter2")
	fmt.Println("token:", token)
	fmt.Println("length:", len(string(token)))
	// Output:
	// token: [redacted]
	// length: 7
}

func ExampleError() {
	_, err := url.Parse("https://user:hunter2@zoom.us:port/?token=hunter2")
	fmt.Println(redact.Error(err))
	// Output: parse "[redacted]": malformed URL
}

type holder struct {
	Token redact.Secret `json:"token" xml:"token"`
}

func TestSecretIsNeverShown(t *testing.T) {
	t.Parallel()
	logged := func(newHandler func(io.Writer) slog.Handler, value any) string {
		var out bytes.Buffer
		slog.New(newHandler(&out)).Info("x", "value", value)
		return out.String()
	}
	asText := func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) }
	asJSON := func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) }
	encoded := func(encode func(any) ([]byte, error), value any) string {
		b, err := encode(value)
		if err != nil {
			t.Error(err)
		}
		return string(b)
	}
	const secret = redact.Secret("hunter2")
	held := holder{secret}
	printed := map[string]string{
		"Sprint":   fmt.Sprint(secret, held, &held, []redact.Secret{secret}, map[redact.Secret]int{secret: 1}),
		"text log": logged(asText, secret) + logged(asText, held),
		"JSON log": logged(asJSON, secret) + logged(asJSON, held),
		"JSON":     encoded(json.Marshal, held),
		"XML":      encoded(xml.Marshal, held),
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%10s", "%.3s", "%U"} {
		printed[verb] = fmt.Sprintf(verb, secret)
		printed[verb+" held"] = fmt.Sprintf(verb, held)
	}
	for name, text := range printed {
		if strings.Contains(text, "hunter2") || strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", "hunter2")) ||
			!strings.Contains(text, "[redacted]") {
			t.Errorf("%s: got %s", name, text)
		}
	}
	if string(secret) != "hunter2" {
		t.Error("the secret lost its content")
	}
}

func TestSecretFuncIsNeverShown(t *testing.T) {
	t.Parallel()
	secret := redact.NewSecretFunc("hunter2")
	held := struct{ secret redact.SecretFunc }{secret}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if text := fmt.Sprintf(verb, secret) + fmt.Sprintf(verb, held); strings.Contains(text, "hunter2") {
			t.Errorf("%s: got %s", verb, text)
		}
	}
	if secret() != "hunter2" {
		t.Error("the secret lost its content")
	}
}

func TestSecretThatIsEmptyStaysEmpty(t *testing.T) {
	t.Parallel()
	encoded, err := json.Marshal(holder{})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{fmt.Sprintf("%v|%s|%#v", redact.Secret(""), redact.Secret(""), redact.Secret("")), string(encoded)}
	if diff := cmp.Diff([]string{`||`, `{"token":""}`}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestError(t *testing.T) {
	t.Parallel()
	at := func(target string, cause error) error { return &url.Error{Op: "Get", URL: target, Err: cause} }
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"no URL", io.EOF, "EOF"},
		{"nothing to hide", at("https://zoom.us/v2", io.EOF), `Get "https://zoom.us/v2": EOF`},
		{"a query", at("https://zoom.us/v2?code=hunter2", io.EOF), `Get "https://zoom.us/v2": EOF`},
		{"a fragment", at("https://zoom.us/v2#hunter2", io.EOF), `Get "https://zoom.us/v2": EOF`},
		{"userinfo", at("https://user:hunter2@zoom.us/v2", io.EOF), `Get "https://zoom.us/v2": EOF`},
		{"a user alone", at("https://hunter2@zoom.us/v2", io.EOF), `Get "https://zoom.us/v2": EOF`},
		{"a relative URL", at("/oauth?code=hunter2", io.EOF), `Get "/oauth": EOF`},
		{"an opaque URL", at("mailto:hunter2", io.EOF), `Get "[redacted]": EOF`},
		{"a URL nobody can read", at("https://zoom.us/%zz?hunter2", io.EOF), `Get "[redacted]": EOF`},
		{"wrapped", fmt.Errorf("outer: %w", at("https://zoom.us/?hunter2", io.EOF)), `outer: Get "https://zoom.us/": EOF`},
		{
			"nested", at("https://a.example/?hunter2", at("https://b.example/?hunter2", io.EOF)),
			`Get "https://a.example/": Get "https://b.example/": EOF`,
		},
		{"joined", errors.Join(io.EOF, at("https://zoom.us/?hunter2", io.EOF)), "EOF\nGet \"https://zoom.us/\": EOF"},
		{"in words", errors.New("proxy http://user:hunter2@proxy:80 is down"), "proxy http://proxy:80 is down"},
		{"in words nobody can read", errors.New("proxy http://user:hunter2 is down"), "proxy [redacted] is down"},
		{"a bearer token", errors.New("sent [Bearer hunter2] away"), "sent [Bearer [redacted]] away"},
		{"basic credentials", errors.New("sent basic hunter2, away"), "sent basic [redacted], away"},
		{"an API key", errors.New("sent Token token=hunter2"), "sent Token token=[redacted]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := redact.Error(test.err).Error(); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
	if redact.Error(nil) != nil {
		t.Error("nil became an error")
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Meeting does not exist: 123.":                 "Meeting does not exist: 123.",
		"hunter2 is not valid, Hunter2 neither":        "[redacted] is not valid, Hunter2 neither",
		"got Authorization: Bearer eyJhbGciOi.x_y-z==": "got Authorization: Bearer [redacted]",
		"got Basic aHVudGVyMg==, want another":         "got Basic [redacted], want another",
		"see https://zoom.us/s/1?zak=abc for more":     "see [link] for more",
	} {
		if got := redact.Words(text, "", "hunter2"); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"two\r\n lines\tand \a hunter2":   "two lines and [redacted]",
		strings.Repeat("é", 20):           strings.Repeat("é", 15) + "…",
		strings.Repeat("x", 29) + "é":     strings.Repeat("x", 29) + "…",
		strings.Repeat("x", 30):           strings.Repeat("x", 30),
		"see https://zoom.us/s/1?zak=abc": "see [link]",
		" \n ":                            "",
	} {
		if got := redact.Line(text, 30, "hunter2"); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestErrorKeepsTheCause(t *testing.T) {
	t.Parallel()
	raw := &url.Error{Op: "Get", URL: "https://zoom.us/?hunter2", Err: context.DeadlineExceeded}
	nested := &url.Error{Op: "Get", URL: "https://zoom.us/", Err: raw}
	err := redact.Error(fmt.Errorf("outer: %w", raw))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error("errors.Is no longer finds the deadline")
	}
	var timeout interface{ Timeout() bool }
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Error("errors.As no longer finds the timeout")
	}
	var found *url.Error
	if !errors.As(err, &found) {
		t.Fatal("errors.As no longer finds the *url.Error")
	}
	if found.URL != "https://zoom.us/" || !errors.Is(found, context.DeadlineExceeded) {
		t.Errorf("got %+v, want a cleaned copy with its cause", found)
	}
	if errors.As(redact.Error(nested), &found); strings.Contains(found.Error(), "hunter2") {
		t.Errorf("got %v, want the inner URL cleaned too", found)
	}
	if raw.URL != "https://zoom.us/?hunter2" {
		t.Error("the original was edited")
	}
}

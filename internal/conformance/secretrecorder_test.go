package conformance_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// secretRecorder sits between the program and the rest of the world: it learns each
// secret that a vendor gives out or is given, and keeps each answer of the program's.
type secretRecorder struct {
	mu      sync.Mutex
	tokens  map[string]string // what nobody may see, and what it is
	codes   map[string]string // what lets into a call: for those who may open it
	answers []heard
}

// heard is an answer of the program's.
type heard struct {
	method, path string
	status       int
	text         string // header and body
}

func newSecretRecorder() *secretRecorder {
	return &secretRecorder{tokens: map[string]string{}, codes: map[string]string{}}
}

// secret is something that we gave the program, and that nobody may see.
func (w *secretRecorder) secret(what, value string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens[value] = what
}

// any is a secret of that kind.
func (w *secretRecorder) any(kind string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for value, is := range w.tokens {
		if is == kind {
			return value
		}
	}
	return ""
}

// vendor puts the recorder in front of a fake, until the test ends, and returns the
// address.
func (w *secretRecorder) vendor(t *testing.T, fake http.Handler) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(sent))
		w.learn(sent)
		answer := httptest.NewRecorder()
		fake.ServeHTTP(answer, r)
		w.learn(answer.Body.Bytes())
		if to, err := url.Parse(answer.Header().Get("Location")); err == nil {
			w.learnText("code", to.Query().Get("code"))
		}
		maps.Copy(rw.Header(), answer.Header())
		rw.WriteHeader(answer.Code)
		_, _ = rw.Write(answer.Body.Bytes())
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// learn takes the secrets out of a body that may be JSON or a form.
func (w *secretRecorder) learn(body []byte) {
	var content any
	if json.Unmarshal(body, &content) == nil {
		w.learnValue("", content)
		return
	}
	form, _ := url.ParseQuery(string(body))
	for name, values := range form {
		w.learnText(name, values[0])
	}
}

func (w *secretRecorder) learnValue(name string, value any) {
	switch value := value.(type) {
	case string:
		w.learnText(name, value)
	case []any:
		for _, element := range value {
			w.learnValue(name, element)
		}
	case map[string]any:
		for field, element := range value {
			w.learnValue(field, element)
		}
	}
}

func (w *secretRecorder) learnText(name, value string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if token, ok := strings.CutPrefix(value, "Bearer "); ok {
		w.tokens[token] = "the button's token"
	}
	switch name {
	case "access_token", "refresh_token", "id_token", "secret", "client_secret", "start_url", "code", "code_verifier":
		w.tokens[value] = name
	case "password", "pstn_password", "h323_password", "encrypted_password":
		w.codes[value] = name
	}
	if link, err := url.Parse(value); err == nil {
		w.tokens[link.Query().Get("zak")] = "zak"
		w.codes[link.Query().Get("pwd")] = "pwd"
	}
	delete(w.tokens, "")
	delete(w.codes, "")
}

// RoundTrip sends a request, and keeps the answer when it is the program's.
func (w *secretRecorder) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	var text bytes.Buffer
	_ = response.Header.Write(&text)
	text.Write(body)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers = append(w.answers, heard{r.Method, r.URL.Host + r.URL.Path, response.StatusCode, text.String()})
	return response, nil
}

// leaked names every secret that is in the text.
func (w *secretRecorder) leaked(text string) []string {
	return append(found(w.tokens, text), found(w.codes, text)...)
}

// found names the secrets that are in the text in plain, or in a shape that a page, an
// address or a dump gives them.
func found(secrets map[string]string, text string) []string {
	var names []string
	for value, name := range secrets {
		shapes := []string{
			regexp.QuoteMeta(html.EscapeString(value)), regexp.QuoteMeta(url.QueryEscape(value)),
			regexp.QuoteMeta(strings.ReplaceAll(value, "&", `\u0026`)),
			regexp.QuoteMeta(strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(value)), "=")),
		}
		// A passcode of six digits is not in every longer number that has them.
		if regexp.MustCompile(`(^|[^0-9])(` + regexp.QuoteMeta(value) + `|` + strings.Join(shapes, "|") + `)([^0-9]|$)`).MatchString(text) {
			names = append(names, name+" "+value)
		}
	}
	slices.Sort(names)
	return names
}

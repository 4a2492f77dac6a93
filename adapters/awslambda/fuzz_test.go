package awslambda_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/incidentbridge/incidentbridge/adapters/awslambda"
)

// Every payload results in either an error or a JSON response.
func FuzzInvoke(f *testing.F) {
	events, err := filepath.Glob(filepath.Join("testdata", "events", "*.json"))
	if err != nil || len(events) == 0 {
		f.Fatal("no events:", err)
	}
	for _, name := range events {
		payload, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	routes := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	h := newHandler(f, routes, &service{},
		awslambda.Queue(queueARN, "token"), awslambda.PartnerEvents("aws.partner/pagerduty.com/1234567890/incidentbridge", "s"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		answer, err := h.Invoke(t.Context(), payload)
		if (err == nil) != json.Valid(answer) {
			t.Errorf("Invoke = %q, %v", answer, err)
		}
	})
}

// Bodies and header values are passed unchanged in both directions.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte(`{"topic":"Zürich – 火災"}`), "a, b", "c=1, 2")
	f.Add([]byte{0xff, 0x00, '\n'}, "", "")
	f.Add([]byte("\u2028<script>&\x00"), "v1=aa,v1=bb", "q=\"x\"")
	routes := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.Header.Get("X-Value"))
		w.Header().Add("Set-Cookie", r.Header.Get("Cookie"))
		w.Header().Add("Set-Cookie", "second")
		_, _ = io.Copy(w, r.Body)
	})
	h := newHandler(f, routes, &service{})
	f.Fuzz(func(t *testing.T, body []byte, value, cookie string) {
		if !utf8.ValidString(value) || !utf8.ValidString(cookie) || cookie == "" {
			t.Skip("gateways do not send it")
		}
		payload, err := json.Marshal(map[string]any{
			"version": "2.0", "rawPath": "/", "cookies": []string{cookie}, "headers": map[string]string{"x-value": value},
			"body": base64.StdEncoding.EncodeToString(body), "isBase64Encoded": true,
			"requestContext": map[string]any{"http": map[string]any{"method": "POST"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		text, err := h.Invoke(t.Context(), payload)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			reply
			Cookies []string `json:"cookies"`
		}
		if err := json.Unmarshal(text, &answer); err != nil {
			t.Fatal(err)
		}
		got := []byte(answer.Body)
		if answer.IsBase64Encoded {
			got, err = base64.StdEncoding.DecodeString(answer.Body)
		}
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("body %q came back as %q, %v", body, got, err)
		}
		if answer.Headers["X-Echo"] != value || len(answer.Cookies) != 2 || answer.Cookies[0] != cookie {
			t.Errorf("%q and %q came back as %v, %q", value, cookie, answer.Headers, answer.Cookies)
		}
	})
}

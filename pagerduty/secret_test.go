package pagerduty_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/incidentbridge/incidentbridge/pagerduty"
)

func TestSecretIsNeverShown(t *testing.T) {
	t.Parallel()
	const secret = pagerduty.Secret("hunter2")
	var text bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%10s"} {
		fmt.Fprintf(&text, verb+" "+verb+" ", secret, struct{ S pagerduty.Secret }{secret})
	}
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "secret", secret)
	slog.New(slog.NewJSONHandler(&text, nil)).Info("x", "secret", secret)
	if err := json.NewEncoder(&text).Encode(map[string]pagerduty.Secret{"secret": secret}); err != nil {
		t.Fatal(err)
	}
	if shown := text.String(); strings.Contains(shown, "hunter2") || strings.Contains(shown, fmt.Sprintf("%x", "hunter2")) {
		t.Errorf("shown: %s", shown)
	}
	if string(secret) != "hunter2" || pagerduty.Secret("").String() != "" || secret.String() != "[redacted]" {
		t.Error("a secret has lost its content, or an empty one looks like one")
	}
}

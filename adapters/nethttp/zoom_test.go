package nethttp_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/adapters/nethttp"
)

func TestZoomURLValidationIsSignedWithTheSecretThatAsked(t *testing.T) {
	t.Parallel()
	const secret = "incidentbridge-example-secret"
	h := newHandler(t, &stub{}, nethttp.ZoomSecrets(zoomSecret, secret))
	body := `{"event":"endpoint.url_validation","payload":{"plainToken":"plain-token-1"}}`
	got := send(t, h, zoomWebhookBy(secret, 0, body))
	// printf plain-token-1 | openssl dgst -sha256 -hmac incidentbridge-example-secret
	want := `{"plainToken":"plain-token-1",` +
		`"encryptedToken":"d42fac8429b45dfadd332a14adeae238e745353eb932e52cdcafc159b4b36af8"}`
	if diff := cmp.Diff(decoded(t, want), decoded(t, got.body)); diff != "" {
		t.Error(diff)
	}
}

package pagerduty

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"github.com/incidentbridge/incidentbridge/internal/redact"
)

// What [Verifier.Verify] refuses.
var (
	// ErrNotSigned says that the request has no signature that this package knows.
	ErrNotSigned = errors.New("pagerduty: webhook is not signed")
	// ErrBadSignature says that no signature fits the body under any of the secrets.
	ErrBadSignature = errors.New("pagerduty: webhook signature does not match")
)

const (
	signatureHeader = "X-PagerDuty-Signature"
	signaturePrefix = "v1="
)

// Verifier checks the signatures of V3 webhooks. Make one with [NewVerifier]; it is safe for concurrent use.
type Verifier struct{ secrets []redact.SecretFunc }

// NewVerifier returns a verifier that accepts what any of the secrets signed, so that they can be rotated. At least one
// is needed, and an empty one is refused: it would accept what anybody signs.
func NewVerifier(secrets []string) (*Verifier, error) {
	if len(secrets) == 0 {
		return nil, errors.New("pagerduty: a webhook secret is needed")
	}
	v := &Verifier{}
	for _, secret := range secrets {
		if strings.TrimSpace(secret) == "" {
			return nil, errors.New("pagerduty: a webhook secret is empty")
		}
		v.secrets = append(v.secrets, redact.NewSecretFunc(secret))
	}
	return v, nil
}

// Verify checks the X-PagerDuty-Signature header against body, which must be the bytes as they came. It answers nil,
// [ErrNotSigned] or [ErrBadSignature]. The caller bounds the body's size.
// See https://developer.pagerduty.com/docs/verifying-signatures.
func (v *Verifier) Verify(header http.Header, body []byte) error {
	signatures := claimedSignatures(header)
	if len(signatures) == 0 {
		return ErrNotSigned
	}
	for _, secret := range v.secrets {
		want := mac(secret(), body)
		for _, got := range signatures {
			if hmac.Equal(got, want) {
				return nil
			}
		}
	}
	return ErrBadSignature
}

// claimedSignatures are the v1 signatures of the header. An entry of another version is not ours to judge; a v1 entry
// that is no hex stays as something that matches nothing.
func claimedSignatures(header http.Header) [][]byte {
	var found [][]byte
	for entry := range strings.SplitSeq(strings.Join(header.Values(signatureHeader), ","), ",") {
		digits, isV1 := strings.CutPrefix(strings.TrimSpace(entry), signaturePrefix)
		if !isV1 {
			continue
		}
		signature, err := hex.DecodeString(digits)
		if err != nil {
			signature = nil
		}
		found = append(found, signature)
	}
	return found
}

// Sign answers the X-PagerDuty-Signature header value that PagerDuty would send for body: a signer for tests.
func Sign(secret string, body []byte) string {
	return signaturePrefix + hex.EncodeToString(mac(secret, body))
}

// mac uses the secret's own bytes: it looks like base64 and is not.
func mac(secret string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(body)
	return h.Sum(nil)
}

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

// Why a delivery is not to be trusted.
var (
	// ErrNotSigned reports a delivery without a signature that this package knows.
	ErrNotSigned = errors.New("pagerduty: webhook is not signed")
	// ErrBadSignature reports a delivery whose signatures match the body under none of
	// the secrets.
	ErrBadSignature = errors.New("pagerduty: webhook signature does not match")
)

const (
	signatureHeader = "X-PagerDuty-Signature"
	signaturePrefix = "v1="
)

// Verifier checks that a V3 webhook delivery comes from PagerDuty. It is safe for
// concurrent use.
type Verifier struct{ secrets []redact.SecretFunc }

// NewVerifier returns a verifier that accepts any of the secrets, so that they can be
// rotated. It returns an error for no secret, or an empty one, since it would let
// everybody in.
func NewVerifier(secrets []string) (*Verifier, error) {
	if len(secrets) == 0 {
		return nil, errors.New("pagerduty: no webhook secret")
	}
	v := &Verifier{}
	for _, secret := range secrets {
		if strings.TrimSpace(secret) == "" {
			return nil, errors.New("pagerduty: empty webhook secret")
		}
		v.secrets = append(v.secrets, redact.NewSecretFunc(secret))
	}
	return v, nil
}

// Verify checks the delivery with exactly these bytes as its body: decoding and encoding
// them again breaks the signature. It returns nil, [ErrNotSigned] or [ErrBadSignature];
// answer both errors with 401. The caller limits the body's size.
//
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

// claimedSignatures returns the v1 signatures of the header. Entries of other versions
// are left out; a v1 entry that is no hex is kept as a signature that matches nothing.
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

// Sign returns the headers with which PagerDuty would deliver body: a signer for tests.
func Sign(secret string, body []byte) http.Header {
	header := http.Header{}
	header.Set("Content-Type", "application/json")
	header.Set(signatureHeader, signaturePrefix+hex.EncodeToString(mac(secret, body)))
	return header
}

// mac uses the secret's own bytes: it looks like base64 and is not.
func mac(secret string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(body)
	return h.Sum(nil)
}

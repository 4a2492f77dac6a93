package zoom

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
)

const (
	signatureHeader = "X-Zm-Signature"
	timestampHeader = "X-Zm-Request-Timestamp"
	signatureScheme = "v0"

	defaultReplayWindow = 5 * time.Minute
)

// Why a delivery is not to be trusted.
var (
	// ErrNotSigned reports a delivery without signature or time.
	ErrNotSigned = errors.New("zoom: webhook is not signed")
	// ErrBadSignature reports a delivery whose signature matches the body under none of
	// the secrets.
	ErrBadSignature = errors.New("zoom: webhook signature does not match")
	// ErrTooOld reports a correctly signed delivery from before the replay window: a
	// replay, or a wrong clock.
	ErrTooOld = errors.New("zoom: webhook is too old")
	// ErrTooNew reports a correctly signed delivery from after the replay window: a wrong
	// clock.
	ErrTooNew = errors.New("zoom: webhook is from the future")
)

// Verifier checks that a webhook delivery comes from Zoom. It is safe for concurrent use.
type Verifier struct {
	signers []signer
	window  time.Duration
}

// VerifierOption changes one thing about a Verifier.
type VerifierOption func(*Verifier) error

// WithReplayWindow sets how far the time of a delivery may be from ours, in either
// direction; the default is five minutes. Zoom documents none.
func WithReplayWindow(window time.Duration) VerifierOption {
	return func(v *Verifier) error {
		if window <= 0 {
			return fmt.Errorf("zoom: replay window is %s, want more than 0", window)
		}
		v.window = window
		return nil
	}
}

// NewVerifier returns a verifier that accepts any of the secrets: the app's webhook
// Secret Token, and during a rotation the old one as well. It returns an error for no
// secret, or an empty one, since it would let everybody in.
//
// See https://developers.zoom.us/docs/api/webhooks/#verify-webhook-events.
func NewVerifier(secrets []string, opts ...VerifierOption) (*Verifier, error) {
	if len(secrets) == 0 {
		return nil, errors.New("zoom: no webhook secret")
	}
	v := &Verifier{window: defaultReplayWindow}
	for _, secret := range secrets {
		if strings.TrimSpace(secret) == "" {
			return nil, errors.New("zoom: empty webhook secret")
		}
		v.signers = append(v.signers, newSigner(secret))
	}
	for _, opt := range opts {
		if err := opt(v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// Verify checks the delivery with exactly these bytes as its body: decoding and encoding
// them again breaks the signature. It returns nil, ErrNotSigned, ErrBadSignature,
// ErrTooOld or ErrTooNew; answer all of the errors with 401.
func (v *Verifier) Verify(header http.Header, body []byte) error {
	if header.Get(signatureHeader) == "" || header.Get(timestampHeader) == "" {
		return ErrNotSigned
	}
	at := SignedAt(header)
	if v.signerOf(header, body) == nil || at.IsZero() {
		return ErrBadSignature
	}
	switch age := time.Since(at); {
	case age > v.window:
		return ErrTooOld
	case age < -v.window:
		return ErrTooNew
	}
	return nil
}

// Challenge returns the JSON body that answers Zoom's validation of the endpoint's URL,
// and false for every other delivery. Zoom wants it with status 200 within three seconds,
// and asks again every 72 hours. Call Verify first.
func (v *Verifier) Challenge(header http.Header, body []byte) (answer []byte, ok bool) {
	o, err := lenientjson.Parse(body)
	if err != nil || o.String("event") != EventURLValidation {
		return nil, false
	}
	plain, sign := o.Object("payload").String("plainToken"), v.signerOf(header, body)
	if plain == "" || sign == nil {
		return nil, false
	}
	answer, err = json.Marshal(map[string]string{
		"plainToken":     plain,
		"encryptedToken": sign([]byte(plain)),
	})
	return answer, err == nil
}

// signerOf returns the signer whose secret signed the delivery, or nil.
func (v *Verifier) signerOf(header http.Header, body []byte) signer {
	var found signer
	for _, sign := range v.signers { // all of them, so that the time does not tell which one
		want := sign.delivery(header.Get(timestampHeader), body)
		if hmac.Equal([]byte(want), []byte(header.Get(signatureHeader))) {
			found = sign
		}
	}
	return found
}

// signer returns the HMAC-SHA256 in hex. The secret is in the closure, which fmt does not
// print.
type signer func(parts ...[]byte) string

func newSigner(secret string) signer {
	return func(parts ...[]byte) string {
		mac := hmac.New(sha256.New, []byte(secret))
		for _, part := range parts {
			mac.Write(part)
		}
		return hex.EncodeToString(mac.Sum(nil))
	}
}

// delivery returns the signature of a delivery.
func (s signer) delivery(timestamp string, body []byte) string {
	return signatureScheme + "=" + s([]byte(signatureScheme+":"+timestamp+":"), body)
}

// SignedAt returns when Zoom signed a delivery, by its headers, or the zero time. Only
// after [Verifier.Verify] is it certain.
func SignedAt(header http.Header) time.Time {
	s := header.Get(timestampHeader)
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil || n <= 0 || len(s) > 13:
		return time.Time{}
	case len(s) == 13:
		return time.UnixMilli(n)
	}
	return time.Unix(n, 0)
}

// Sign returns the headers with which Zoom would deliver body at that time: a signer for
// tests.
func Sign(secret string, at time.Time, body []byte) http.Header {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	header := http.Header{}
	header.Set("Content-Type", "application/json")
	header.Set(timestampHeader, timestamp)
	header.Set(signatureHeader, newSigner(secret).delivery(timestamp, body))
	return header
}

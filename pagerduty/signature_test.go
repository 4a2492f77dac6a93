package pagerduty_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/pagerduty"
)

// A real ping, its secret and its signature.
const (
	pingSecret    = "HvPtlQNKMPpHSSqJpCdndXfo7HnGXa1pnH6w5axpxLFn9aRBNBGh4e8/HlonK5mz"
	pingSignature = "v1=0e83584cbab86f98c51517cf96a70c90e910532d3d2f067d58c753cc8980a05b"
	pingBody      = `{"event":{"id":"01FKZOXA868SHYEE4DVNWB5P9W","event_type":"pagey.ping","resource_type":"pagey",` +
		`"occurred_at":"2025-04-07T03:00:55.532Z","agent":{"id":"PVE0ZR9","type":"user_reference"},"client":null,` +
		`"data":{"message":"Hello from your friend Pagey!","type":"ping"}}}`
)

func newVerifier(t *testing.T, secrets ...string) *pagerduty.Verifier {
	t.Helper()
	verifier, err := pagerduty.NewVerifier(secrets)
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

func TestVerify(t *testing.T) {
	t.Parallel()
	other := "v1=" + strings.Repeat("0", 64)
	digits := strings.TrimPrefix(pingSignature, "v1=")
	tests := []struct {
		name    string
		secrets []string
		headers []string
		body    string
		want    error
	}{
		{"vector", []string{pingSecret}, []string{pingSignature}, pingBody, nil},
		{"second secret", []string{"old", pingSecret}, []string{pingSignature}, pingBody, nil},
		{"second entry", []string{pingSecret}, []string{other + "," + pingSignature}, pingBody, nil},
		{"blanks around", []string{pingSecret}, []string{" " + other + " ,\t" + pingSignature + " "}, pingBody, nil},
		{"second header", []string{pingSecret}, []string{other, pingSignature}, pingBody, nil},
		{"after an unknown version", []string{pingSecret}, []string{"v2=abc," + pingSignature}, pingBody, nil},
		{"after garbage", []string{pingSecret}, []string{"v1=zz,,=,v1," + pingSignature}, pingBody, nil},
		{"no header", []string{pingSecret}, nil, pingBody, pagerduty.ErrNotSigned},
		{"empty header", []string{pingSecret}, []string{""}, pingBody, pagerduty.ErrNotSigned},
		{"only an unknown version", []string{pingSecret}, []string{"v2=" + digits}, pingBody, pagerduty.ErrNotSigned},
		{"no version", []string{pingSecret}, []string{digits}, pingBody, pagerduty.ErrNotSigned},
		{"other secret", []string{"old"}, []string{pingSignature}, pingBody, pagerduty.ErrBadSignature},
		{"other body", []string{pingSecret}, []string{pingSignature}, pingBody + "\n", pagerduty.ErrBadSignature},
		{"no body", []string{pingSecret}, []string{pingSignature}, "", pagerduty.ErrBadSignature},
		{"empty signature", []string{pingSecret}, []string{"v1="}, pingBody, pagerduty.ErrBadSignature},
		{"cut signature", []string{pingSecret}, []string{pingSignature[:40]}, pingBody, pagerduty.ErrBadSignature},
		{"longer signature", []string{pingSecret}, []string{pingSignature + "00"}, pingBody, pagerduty.ErrBadSignature},
		{"signed with no secret", []string{"a"}, []string{signature("", []byte("x"))}, "x", pagerduty.ErrBadSignature},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			for _, value := range tt.headers {
				header.Add("x-pagerduty-signature", value)
			}
			if err := newVerifier(t, tt.secrets...).Verify(header, []byte(tt.body)); !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestNewVerifierRefusesEmptySecrets(t *testing.T) {
	t.Parallel()
	for _, secrets := range [][]string{nil, {}, {""}, {" \t"}, {"good", ""}} {
		if verifier, err := pagerduty.NewVerifier(secrets); err == nil {
			t.Errorf("NewVerifier(%q) = %v, want an error", secrets, verifier)
		}
	}
}

func TestSignIsWhatPagerDutySends(t *testing.T) {
	t.Parallel()
	want := http.Header{"Content-Type": {"application/json"}, "X-Pagerduty-Signature": {pingSignature}}
	if diff := cmp.Diff(want, pagerduty.Sign(pingSecret, []byte(pingBody))); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

// signature is the one in the headers of Sign.
func signature(secret string, body []byte) string {
	return pagerduty.Sign(secret, body).Get("X-PagerDuty-Signature")
}

func FuzzVerify(f *testing.F) {
	f.Add(pingSignature, []byte(pingBody))
	f.Add("v1=,v1=zz, v1="+strings.Repeat("0", 64)+",v2=1", []byte("{}"))
	f.Add("", []byte(nil))
	f.Fuzz(func(t *testing.T, value string, body []byte) {
		verifier, err := pagerduty.NewVerifier([]string{pingSecret})
		if err != nil {
			t.Fatal(err)
		}
		right := signature(pingSecret, body)
		genuine := strings.Contains(strings.ToLower(value), right)
		err = verifier.Verify(http.Header{"X-Pagerduty-Signature": {value}}, body)
		if err == nil && !genuine {
			t.Errorf("header %q passes", value)
		}
		if !errors.Is(err, pagerduty.ErrNotSigned) && !errors.Is(err, pagerduty.ErrBadSignature) && err != nil {
			t.Errorf("error %v is neither of the two", err)
		}
		header := http.Header{"X-Pagerduty-Signature": {value, right}}
		if err := verifier.Verify(header, body); err != nil {
			t.Errorf("genuine signature beside %q: %v", value, err)
		}
		if err := verifier.Verify(header, append(bytes.Clone(body), 'x')); err == nil {
			t.Error("a body with one byte more passes")
		}
	})
}

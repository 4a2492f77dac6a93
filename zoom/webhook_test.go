package zoom_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/zoom"
)

// The vectors of zoom-api.md 7.1: an emoji as ASCII escapes beside a dash in UTF-8, as
// Zoom sends them. The document names the secret of the second one, but its three values
// are those of the first.
const (
	vectorSecret    = "zoombridge-example-secret"
	vectorTimestamp = 1720705455
	vectorBody      = `{"event":"meeting.created","event_ts":1720705455000,"payload":{"account_id":"ACC1",` +
		`"object":{"id":85746065,"topic":"Fire \uD83D\uDE92 – it's down"}}}`
)

type vector struct {
	name, secret string
	signature    string // of vectorBody
	again        string // of the body decoded and written again
	challenge    string // of plain-token-1
}

func vectors() []vector {
	return []vector{
		{
			"as published", vectorSecret,
			"v0=da7c213bb7876f898c844dc6fcdab51ac50746bcad2cf7170e5a1ce875b14278",
			"v0=09cc8649f1414e0c8a4cd210e1c325d14f8640d8677a5af7f6daa9a32bc11569",
			"5ded355342ecef318cef157cfad3a29462a073d1d28b8cb34173ace6b82829f9",
		},
		{
			"with the secret it is published under, by openssl", "incidentbridge-example-secret",
			"v0=eb4ee2ca534dc7b2a89e8caef518df02fe862a4c1a58989e47bfb02296bfe455",
			"v0=fa5fea41394234a78094200e169da9158ee52105808954062e48df6110c3ac02",
			"d42fac8429b45dfadd332a14adeae238e745353eb932e52cdcafc159b4b36af8",
		},
	}
}

func newVerifier(t *testing.T, secrets ...string) *zoom.Verifier {
	t.Helper()
	verifier, err := zoom.NewVerifier(secrets)
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

// at runs the test with the clock at that moment.
func at(t *testing.T, moment time.Time, test func(*testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		<-time.After(time.Until(moment))
		test(t)
	})
}

func headers(timestamp, signature string) http.Header {
	header := http.Header{}
	header.Set("x-zm-request-timestamp", timestamp)
	header.Set("x-zm-signature", signature)
	return header
}

func TestVerifyVectors(t *testing.T) {
	t.Parallel()
	body := []byte(vectorBody)
	again := bytes.ReplaceAll(body, []byte(`\uD83D\uDE92`), []byte("🚒"))
	if len(body) != 151 || len(again) != 143 {
		t.Fatalf("bodies of %d and %d bytes, want 151 and 143", len(body), len(again))
	}
	for _, test := range vectors() {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			moment := time.Unix(vectorTimestamp, 0)
			at(t, moment, func(t *testing.T) {
				verifier := newVerifier(t, "another", test.secret)
				header := headers(strconv.Itoa(vectorTimestamp), test.signature)
				if err := verifier.Verify(header, body); err != nil {
					t.Fatal(err)
				}
				if got := zoom.SignedAt(header); !got.Equal(moment) {
					t.Errorf("signed at %s", got)
				}
				if err := verifier.Verify(header, again); !errors.Is(err, zoom.ErrBadSignature) {
					t.Errorf("the body written again: %v, want ErrBadSignature", err)
				}
				signature := func(body []byte) string {
					return zoom.Sign(test.secret, moment, body).Get("x-zm-signature")
				}
				if diff := cmp.Diff([]string{test.signature, test.again}, []string{signature(body), signature(again)}); diff != "" {
					t.Errorf("our own signatures (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	body := []byte(`{"event":"meeting.started"}`)
	moment := time.Unix(vectorTimestamp, 0)
	signed := func(at time.Time) http.Header { return zoom.Sign("new", at, body) }
	without := func(name string) http.Header {
		header := signed(moment)
		header.Del(name)
		return header
	}
	with := func(name, value string) http.Header {
		header := signed(moment)
		header.Set(name, value)
		return header
	}
	right := signed(moment).Get("x-zm-signature")
	tests := []struct {
		name   string
		header http.Header
		body   []byte
		want   error
	}{
		{"right", signed(moment), body, nil},
		{"old secret during a rotation", zoom.Sign("old", moment, body), body, nil},
		{"five minutes old", signed(moment.Add(-5 * time.Minute)), body, nil},
		{"five minutes ahead", signed(moment.Add(5 * time.Minute)), body, nil},
		{"too old", signed(moment.Add(-5*time.Minute - time.Second)), body, zoom.ErrTooOld},
		{"too new", signed(moment.Add(5*time.Minute + time.Second)), body, zoom.ErrTooNew},
		{"no headers", http.Header{}, body, zoom.ErrNotSigned},
		{"no signature", without("x-zm-signature"), body, zoom.ErrNotSigned},
		{"no time", without("x-zm-request-timestamp"), body, zoom.ErrNotSigned},
		{"another secret", zoom.Sign("other", moment, body), body, zoom.ErrBadSignature},
		{"another body", signed(moment), []byte(`{"event":"meeting.ended"}`), zoom.ErrBadSignature},
		{"a newline more", signed(moment), append(bytes.Clone(body), '\n'), zoom.ErrBadSignature},
		{"another time", with("x-zm-request-timestamp", "1720705456"), body, zoom.ErrBadSignature},
		{"too old and forged", with("x-zm-request-timestamp", "1"), body, zoom.ErrBadSignature},
		{"another scheme", with("x-zm-signature", "v1"+right[2:]), body, zoom.ErrBadSignature},
		{"no scheme", with("x-zm-signature", right[3:]), body, zoom.ErrBadSignature},
		{"upper case", with("x-zm-signature", strings.ToUpper(right)), body, zoom.ErrBadSignature},
		{"cut short", with("x-zm-signature", right[:20]), body, zoom.ErrBadSignature},
		{"milliseconds", signedAs("new", "1720705455000", body), body, nil},
		{"no number, rightly signed", signedAs("new", "yesterday", body), body, zoom.ErrBadSignature},
		{"negative, rightly signed", signedAs("new", "-1720705455", body), body, zoom.ErrBadSignature},
		{"huge, rightly signed", signedAs("new", "17207054550000", body), body, zoom.ErrBadSignature},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			at(t, moment, func(t *testing.T) {
				if err := newVerifier(t, "new", "old").Verify(test.header, test.body); !errors.Is(err, test.want) {
					t.Errorf("got %v, want %v", err, test.want)
				}
			})
		})
	}
}

// signedAs signs with a timestamp that Sign would not write. The challenge's own
// signature is an HMAC of any text.
func signedAs(secret, timestamp string, body []byte) http.Header {
	verifier, err := zoom.NewVerifier([]string{secret})
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal("v0:" + timestamp + ":" + string(body))
	if err != nil {
		panic(err)
	}
	challenge := fmt.Appendf(nil, `{"event":"endpoint.url_validation","payload":{"plainToken":%s}}`, text)
	answer, _ := verifier.Challenge(zoom.Sign(secret, time.Now(), challenge), challenge)
	var signed struct{ EncryptedToken string }
	if err := json.Unmarshal(answer, &signed); err != nil {
		panic(err)
	}
	return headers(timestamp, "v0="+signed.EncryptedToken)
}

func TestReplayWindow(t *testing.T) {
	t.Parallel()
	body := []byte(`{"event":"meeting.started"}`)
	moment := time.Unix(vectorTimestamp, 0)
	at(t, moment, func(t *testing.T) {
		verifier, err := zoom.NewVerifier([]string{"s"}, zoom.WithReplayWindow(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		for age, want := range map[time.Duration]error{
			time.Minute: nil, -time.Minute: nil, 61 * time.Second: zoom.ErrTooOld, -61 * time.Second: zoom.ErrTooNew,
		} {
			if err := verifier.Verify(zoom.Sign("s", moment.Add(-age), body), body); !errors.Is(err, want) {
				t.Errorf("%s old: %v, want %v", age, err, want)
			}
		}
	})
	for _, window := range []time.Duration{0, -time.Second} {
		if _, err := zoom.NewVerifier([]string{"s"}, zoom.WithReplayWindow(window)); err == nil {
			t.Errorf("a window of %s was taken", window)
		}
	}
}

func TestVerifierRefusesEmptySecrets(t *testing.T) {
	t.Parallel()
	for name, secrets := range map[string][]string{
		"none": nil, "empty": {""}, "blank": {" "}, "one of two": {"right", ""},
	} {
		if verifier, err := zoom.NewVerifier(secrets); err == nil || verifier != nil {
			t.Errorf("%s: got %v and %v, want an error", name, verifier, err)
		}
	}
}

func TestVerifierPrintsNoSecret(t *testing.T) {
	t.Parallel()
	verifier := newVerifier(t, vectorSecret)
	var text string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		for _, value := range []any{verifier, *verifier} {
			text += fmt.Sprintf(verb, value)
		}
	}
	if strings.Contains(text, vectorSecret) {
		t.Errorf("the secret is in %s", text)
	}
}

func TestChallengeVectors(t *testing.T) {
	t.Parallel()
	body := []byte(`{"event":"endpoint.url_validation","event_ts":1,"payload":{"plainToken":"plain-token-1"}}`)
	for _, test := range vectors() {
		answer, ok := newVerifier(t, "another", test.secret).Challenge(zoom.Sign(test.secret, time.Now(), body), body)
		want := `{"encryptedToken":"` + test.challenge + `","plainToken":"plain-token-1"}`
		if diff := cmp.Diff(want, string(answer)); !ok || diff != "" {
			t.Errorf("%s: %t (-want +got):\n%s", test.name, ok, diff)
		}
	}
}

func TestOtherDeliveriesAreNoChallenge(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"another event": `{"event":"meeting.started","payload":{"plainToken":"x"}}`,
		"no token":      `{"event":"endpoint.url_validation","payload":{}}`,
		"no payload":    `{"event":"endpoint.url_validation"}`,
		"no JSON":       `event`,
		"empty":         ``,
	} {
		header := zoom.Sign(vectorSecret, time.Now(), []byte(body))
		if answer, ok := newVerifier(t, vectorSecret).Challenge(header, []byte(body)); ok || answer != nil {
			t.Errorf("%s: answered with %s", name, answer)
		}
	}
	body := []byte(`{"event":"endpoint.url_validation","payload":{"plainToken":"x"}}`)
	header := zoom.Sign("another", time.Now(), body)
	if answer, ok := newVerifier(t, vectorSecret).Challenge(header, body); ok || answer != nil {
		t.Errorf("one that is not Zoom's: answered with %s", answer)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("1720705455", vectors()[0].signature, []byte(vectorBody))
	f.Add("", "v0=", []byte(nil))
	f.Add("9223372036854775807", "v0=00", []byte("{"))
	verifier, err := zoom.NewVerifier([]string{vectorSecret})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, timestamp, signature string, body []byte) {
		// Nothing a stranger makes up passes: the vector itself is years old.
		if err := verifier.Verify(headers(timestamp, signature), body); err == nil {
			t.Errorf("accepted %q %q", timestamp, signature)
		}
		header := zoom.Sign(vectorSecret, time.Now(), body)
		if err := verifier.Verify(header, body); err != nil {
			t.Fatalf("refused our own: %v", err)
		}
		if answer, ok := verifier.Challenge(header, body); ok && !json.Valid(answer) {
			t.Errorf("the challenge is answered with %q", answer)
		}
	})
}

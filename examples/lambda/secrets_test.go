package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// keepers are both services that keep secrets.
func keepers(t *testing.T, answer http.HandlerFunc) map[string]string {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "session",
		"AWS_ENDPOINT_URL_SSM": server.URL, "AWS_ENDPOINT_URL_SECRETS_MANAGER": server.URL,
	}
}

// answerBoth has a few parameters and secrets, and looks at how it is asked.
func answerBoth(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		service := map[string]string{
			"AmazonSSM.GetParameters": "ssm", "secretsmanager.GetSecretValue": "secretsmanager",
		}[r.Header.Get("X-Amz-Target")]
		signed := r.Header.Get("Authorization")
		if !strings.Contains(signed, "/eu-central-1/"+service+"/aws4_request") || r.Header.Get("X-Amz-Security-Token") != "session" {
			t.Errorf("signed %s for %s", signed, service)
		}
		if service == "ssm" {
			parameters := map[string]string{"/a": "1"}
			for i := range 12 {
				parameters[fmt.Sprint("/many/", i)] = fmt.Sprint(i)
			}
			answerParameters(w, r, parameters)
			return
		}
		var asked struct{ SecretId string } //nolint:revive // AWS calls it so
		body, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(body, &asked) != nil {
			t.Errorf("asked %s, %v", body, err)
		}
		secret, ok := map[string]string{"plain": "p", "json": `{"token":"j","number":1}`, "empty": ""}[asked.SecretId]
		if !ok {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"ResourceNotFoundException","Message":"geheim"}`)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"SecretString": secret})
	}
}

func TestSecretsAreFetched(t *testing.T) {
	t.Parallel()
	environ := keepers(t, answerBoth(t))
	maps.Copy(environ, map[string]string{
		"A_SSM": "/a", "AGAIN_SSM": "/a", "UNSET_SSM": "",
		"P_SECRETSMANAGER": "plain", "J_SECRETSMANAGER": "json#token",
		"ZOOM_CLIENT_SECRET": "stays", "SSM": "stays",
	})
	want := maps.Clone(environ)
	maps.Copy(want, map[string]string{"A": "1", "AGAIN": "1", "P": "p", "J": "j"})
	for i := range 12 { // more than one call can ask for
		environ[fmt.Sprintf("N%d_SSM", i)] = fmt.Sprint("/many/", i)
		want[fmt.Sprintf("N%d_SSM", i)], want[fmt.Sprintf("N%d", i)] = fmt.Sprint("/many/", i), fmt.Sprint(i)
	}
	if err := resolveSecrets(t.Context(), environ); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, environ); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestSecretsThatAreNotThere(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ given, want string }{
		{"A_SSM=/b", "there is no parameter /b in Systems Manager"},
		{"P_SECRETSMANAGER=other", "secretsmanager.GetSecretValue: status 400 ResourceNotFoundException"},
		{"P_SECRETSMANAGER=empty", "secret empty for P: it is empty"},
		{"P_SECRETSMANAGER=plain#field", "secret plain for P: it is no JSON object"},
		{"P_SECRETSMANAGER=json#number", `secret json for P: it has no text "number"`},
		{"A_SSM=/a A=1", "A_SSM is given beside another A"},
		{"A_SSM=/a A_SECRETSMANAGER=plain", "A_SSM is given beside another A"},
		{"A_SSM=/a AWS_REGION=", "missing AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"},
	} {
		t.Run(tt.given, func(t *testing.T) {
			t.Parallel()
			environ := keepers(t, answerBoth(t))
			for pair := range strings.FieldsSeq(tt.given) {
				name, value, _ := strings.Cut(pair, "=")
				environ[name] = value
			}
			err := resolveSecrets(t.Context(), environ)
			if err == nil || err.Error() != tt.want {
				t.Errorf("resolveSecrets = %v, want %s", err, tt.want)
			}
		})
	}
}

func TestNoSecretsNoCalls(t *testing.T) {
	t.Parallel()
	if err := resolveSecrets(t.Context(), map[string]string{"ZOOM_CLIENT_SECRET": "s"}); err != nil {
		t.Error(err)
	}
}

// A hiccup at the start would cost the first event; so there is a second try.
func TestAHiccupIsTriedAgain(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	fine := answerBoth(t)
	environ := keepers(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"ThrottlingException"}`)
			return
		}
		fine(w, r)
	})
	environ["A_SSM"] = "/a"
	if err := resolveSecrets(t.Context(), environ); err != nil || environ["A"] != "1" || asked.Load() != 2 {
		t.Errorf("%v after %d calls", err, asked.Load())
	}
}

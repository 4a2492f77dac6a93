package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
)

// fakeAWS returns a loader of a configuration for a server that plays both services.
func fakeAWS(t *testing.T, region string, handler http.HandlerFunc) func(context.Context) (aws.Config, error) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return func(context.Context) (aws.Config, error) {
		return aws.Config{
			Region: region, BaseEndpoint: &server.URL,
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret", SessionToken: "session"}, nil
			}),
			Retryer: func() aws.Retryer {
				return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
			},
		}, nil
	}
}

// sharedARN names a parameter that another account shares.
const sharedARN = "arn:aws:ssm:eu-central-1:123456789012:parameter/shared"

// serveSecrets has a few parameters and secrets, and checks how requests are signed.
func serveSecrets(t *testing.T) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		service := map[string]string{
			"AmazonSSM.GetParameters": "ssm", "secretsmanager.GetSecretValue": "secretsmanager",
		}[r.Header.Get("X-Amz-Target")]
		signed := r.Header.Get("Authorization")
		if !strings.Contains(signed, "/eu-central-1/"+service+"/aws4_request") || r.Header.Get("X-Amz-Security-Token") != "session" {
			t.Errorf("signed %s for %s", signed, service)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if bytes.Contains(body, []byte("/denied")) {
			writeFault(w, "AccessDeniedException")
			return
		}
		if service == "ssm" {
			parameters := map[string]map[string]string{
				"/a":      {"Name": "/a", "Value": "1"},
				"/a:2":    {"Name": "/a", "Selector": ":2", "Value": "2"},
				sharedARN: {"Name": "/shared", "ARN": sharedARN, "Value": "s"},
			}
			for i := range 12 {
				name := fmt.Sprint("/many/", i)
				parameters[name] = map[string]string{"Name": name, "Value": fmt.Sprint(i)}
			}
			serveParameters(w, body, parameters)
			return
		}
		var request struct{ SecretId string } //nolint:revive // the name in the API
		if err := json.Unmarshal(body, &request); err != nil {
			t.Errorf("request %s, %v", body, err)
		}
		secret, ok := map[string]string{"plain": "p", "json": `{"token":"j","number":1}`, "empty": ""}[request.SecretId]
		if !ok {
			writeFault(w, "ResourceNotFoundException")
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"SecretString": secret})
	}
}

func serveParameters(w http.ResponseWriter, body []byte, parameters map[string]map[string]string) {
	var request struct {
		Names          []string
		WithDecryption bool
	}
	if err := json.Unmarshal(body, &request); err != nil || !request.WithDecryption || len(request.Names) > 10 {
		writeFault(w, "ValidationException")
		return
	}
	var found []map[string]string
	for _, name := range request.Names {
		if parameter, ok := parameters[name]; ok {
			found = append(found, parameter)
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"Parameters": found})
}

func writeFault(w http.ResponseWriter, code string) {
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": "geheim"})
}

func TestSecretsAreRead(t *testing.T) {
	t.Parallel()
	environ := map[string]string{
		"A_SSM": "/a", "AGAIN_SSM": "/a", "VERSION_SSM": "/a:2", "SHARED_SSM": sharedARN, "UNSET_SSM": "",
		"P_SECRETSMANAGER": "plain", "J_SECRETSMANAGER": "json#token",
		"ZOOM_CLIENT_SECRET": "stays", "SSM": "stays", "AWS_ENDPOINT_URL_SSM": "stays",
	}
	want := maps.Clone(environ)
	maps.Copy(want, map[string]string{"A": "1", "AGAIN": "1", "VERSION": "2", "SHARED": "s", "P": "p", "J": "j"})
	for i := range 12 { // more than one request can ask for
		environ[fmt.Sprintf("N%d_SSM", i)] = fmt.Sprint("/many/", i)
		want[fmt.Sprintf("N%d_SSM", i)], want[fmt.Sprintf("N%d", i)] = fmt.Sprint("/many/", i), fmt.Sprint(i)
	}
	if err := resolveSecrets(t.Context(), environ, fakeAWS(t, "eu-central-1", serveSecrets(t))); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, environ); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

// Errors name the variable, and quote neither its value nor what AWS said.
func TestUnresolvedSecrets(t *testing.T) {
	t.Parallel()
	tests := []struct {
		given, want string
		notSettings bool // nothing is wrong with the settings
		noRegion    bool
	}{
		{given: "A_SSM=/b", want: "A_SSM names a parameter that does not exist"},
		{given: "A_SSM=/a B_SSM=/b C_SSM=/c", want: "B_SSM names a parameter that does not exist; C_SSM names a parameter that does not exist"},
		{given: "P_SECRETSMANAGER=other", want: "P_SECRETSMANAGER names a secret that does not exist"},
		{given: "P_SECRETSMANAGER=empty", want: "P_SECRETSMANAGER names a secret that is empty"},
		{given: "P_SECRETSMANAGER=plain#field", want: "P_SECRETSMANAGER names a secret that is not a JSON object"},
		{given: "P_SECRETSMANAGER=json#number", want: "P_SECRETSMANAGER names a secret that has no such field with a string"},
		{given: "P_SECRETSMANAGER=/denied", want: "read P_SECRETSMANAGER from Secrets Manager: AccessDeniedException", notSettings: true},
		{given: "A_SSM=/denied", want: "read parameters from Systems Manager: AccessDeniedException", notSettings: true},
		{given: "A_SSM=/a A=1", want: "A_SSM is given beside another A"},
		{given: "A_SSM=/a A_SECRETSMANAGER=plain", want: "A_SSM is given beside another A"},
		{given: "A_SSM=/a", want: "missing AWS_REGION", noRegion: true},
	}
	for _, tt := range tests {
		t.Run(tt.given, func(t *testing.T) {
			t.Parallel()
			environ := map[string]string{}
			for pair := range strings.FieldsSeq(tt.given) {
				name, value, _ := strings.Cut(pair, "=")
				environ[name] = value
			}
			region := "eu-central-1"
			if tt.noRegion {
				region = ""
			}
			err := resolveSecrets(t.Context(), environ, fakeAWS(t, region, serveSecrets(t)))
			if err == nil || err.Error() != tt.want {
				t.Errorf("resolveSecrets = %v, want %s", err, tt.want)
			}
			if _, isSettings := errors.AsType[*settings.Error](err); isSettings == tt.notSettings {
				t.Errorf("%v is an error of the settings: %v, want %v", err, isSettings, !tt.notSettings)
			}
		})
	}
}

func TestNoSecretsNoConfiguration(t *testing.T) {
	t.Parallel()
	load := func(context.Context) (aws.Config, error) { return aws.Config{}, errors.New("loaded") }
	if err := resolveSecrets(t.Context(), map[string]string{"ZOOM_CLIENT_SECRET": "s"}, load); err != nil {
		t.Error(err)
	}
}

// A throttled request is retried, because a failed start would lose the first event.
func TestThrottledRequestIsRetried(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	served := serveSecrets(t)
	load := fakeAWS(t, "eu-central-1", func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 1 {
			writeFault(w, "ThrottlingException")
			return
		}
		served(w, r)
	})
	environ := map[string]string{"A_SSM": "/a"}
	if err := resolveSecrets(t.Context(), environ, load); err != nil || environ["A"] != "1" || requests.Load() != 2 {
		t.Errorf("%v after %d requests", err, requests.Load())
	}
}

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
)

const (
	awsTimeout = 3 * time.Second // of one call, at the start of the process
	maxAnswer  = 1 << 20
)

// awsCaller calls the two services that keep secrets. Their SDK clients would be half as large as this whole program, for
// two calls at its start.
type awsCaller struct {
	region      string
	credentials aws.Credentials
	endpoints   map[string]string // instead of the region's
}

func newAWS(environ map[string]string) (*awsCaller, error) {
	a := &awsCaller{
		region: environ["AWS_REGION"],
		credentials: aws.Credentials{
			AccessKeyID:     environ["AWS_ACCESS_KEY_ID"],
			SecretAccessKey: environ["AWS_SECRET_ACCESS_KEY"],
			SessionToken:    environ["AWS_SESSION_TOKEN"],
		},
		endpoints: map[string]string{
			"ssm": environ["AWS_ENDPOINT_URL_SSM"], "secretsmanager": environ["AWS_ENDPOINT_URL_SECRETS_MANAGER"],
		},
	}
	if a.region == "" || !a.credentials.HasKeys() {
		return nil, &settings.Error{Missing: []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}}
	}
	return a, nil
}

// call sends one request in AWS JSON 1.1, and again once when it may help.
func (a *awsCaller) call(ctx context.Context, service, target string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	again, err := a.try(ctx, service, target, body, out)
	if again {
		_, err = a.try(ctx, service, target, body, out)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	return nil
}

func (a *awsCaller) try(ctx context.Context, service, target string, body []byte, out any) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, awsTimeout)
	defer cancel()
	r, err := a.request(ctx, service, target, body)
	if err != nil {
		return false, err
	}
	resp, err := new(http.Client).Do(r)
	if err != nil {
		return true, errors.New("no answer")
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return true, errors.New("half an answer")
	}
	if resp.StatusCode != http.StatusOK {
		var fault struct {
			Type string `json:"__type"`
		}
		_ = json.Unmarshal(answer, &fault) // the status says enough
		again = resp.StatusCode >= http.StatusInternalServerError || strings.HasSuffix(fault.Type, "ThrottlingException")
		return again, fmt.Errorf("status %d %.100s", resp.StatusCode, fault.Type)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return false, errors.New("the answer is no JSON")
	}
	return false, nil
}

func (a *awsCaller) request(ctx context.Context, service, target string, body []byte) (*http.Request, error) {
	endpoint := a.endpoints[service]
	if endpoint == "" {
		endpoint = "https://" + service + "." + a.region + ".amazonaws.com"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(endpoint, "/")+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", target)
	sum := sha256.Sum256(body)
	return r, v4.NewSigner().SignHTTP(ctx, a.credentials, r, hex.EncodeToString(sum[:]), service, a.region, time.Now())
}

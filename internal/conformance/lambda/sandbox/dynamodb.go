package sandbox

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/incidentbridge/incidentbridge/tokenstore/dynamostore"
)

// EndpointVariable is the environment variable with the address of dynalite.
const EndpointVariable = "INCIDENTBRIDGE_DYNAMODB"

// ErrNoDynalite is returned where dynalite is not installed.
var ErrNoDynalite = errors.New("sandbox: dynalite is not installed: source .ci/services, or set " + EndpointVariable)

// Dynalite returns the address in EndpointVariable, or starts the dynalite that
// .ci/services has installed; stop ends it.
func Dynalite(ctx context.Context) (endpoint string, stop func(), err error) {
	if endpoint := os.Getenv(EndpointVariable); endpoint != "" {
		return endpoint, func() {}, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", nil, ErrNoDynalite
	}
	found, err := filepath.Glob(filepath.Join(cache, "incidentbridge", "dynalite-*", "node_modules", ".bin", "dynalite"))
	if err != nil || len(found) == 0 {
		return "", nil, ErrNoDynalite
	}
	_, port, err := net.SplitHostPort(freeAddress(ctx))
	if err != nil {
		return "", nil, err
	}
	cmd := exec.Command(found[len(found)-1], //nolint:gosec,noctx // installed by .ci/services; stop ends it
		"--host", "127.0.0.1", "--port", port, "--createTableMs", "0", "--deleteTableMs", "0", "--updateTableMs", "0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	_, err = bufio.NewReader(out).ReadString('\n') // "Dynalite listening at …"
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	if err != nil {
		stop()
		return "", nil, ErrNoDynalite
	}
	return "http://127.0.0.1:" + port, stop, nil
}

func freeAddress(ctx context.Context) string {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return ""
	}
	defer l.Close()
	return l.Addr().String()
}

// NewTable creates a table for a store in dynalite.
func NewTable(ctx context.Context, endpoint string) (name string, err error) {
	client := dynamodb.New(dynamodb.Options{
		BaseEndpoint: &endpoint, Region: "us-east-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "none", SecretAccessKey: "none"}, nil
		}),
	})
	name = "lambda-" + rand.Text()
	if _, err := client.CreateTable(ctx, dynamostore.TableDefinition(name)); err != nil {
		return "", err
	}
	waiter := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, time.Second // AWS takes seconds, dynalite none
	})
	return name, waiter.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &name}, time.Minute)
}

// StoreURL returns the STORE_URL of a table at an endpoint.
func StoreURL(table, endpoint string) string {
	return "dynamodb://" + table + "?" + url.Values{"region": {"us-east-1"}, "endpoint": {endpoint}}.Encode()
}

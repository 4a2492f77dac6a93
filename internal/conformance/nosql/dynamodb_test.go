package nosql_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/internal/conformance/need"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/dynamostore"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
)

// dynamoClient connects to the dynalite of .ci/services, through the given transport or
// the default one.
func dynamoClient(t testing.TB, transport http.RoundTripper) *dynamodb.Client {
	t.Helper()
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(need.Address(t, "dynalite", "source .ci/services", "INCIDENTBRIDGE_DYNAMODB")),
		Region:       "us-east-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "none", SecretAccessKey: "none"}, nil
		}),
		HTTPClient: &http.Client{Transport: transport},
	})
}

// newDynamoTable creates a table that is deleted when the test ends.
func newDynamoTable(t testing.TB) (table string) {
	t.Helper()
	client := dynamoClient(t, nil)
	table = "test-" + rand.Text()
	if _, err := client.CreateTable(t.Context(), dynamostore.TableDefinition(table)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := client.DeleteTable(context.WithoutCancel(t.Context()), &dynamodb.DeleteTableInput{TableName: &table})
		if err != nil {
			t.Error(err)
		}
	})
	waiter := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, 50*time.Millisecond // of its own it looks again after 20 s
	})
	if err := waiter.Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: &table}, time.Minute); err != nil {
		t.Fatal(err)
	}
	return table
}

func newDynamoStore(t testing.TB, client dynamostore.API, table string) tokenstore.Store {
	t.Helper()
	store, err := dynamostore.New(client, table)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestDynamoDBKeepsTheContract(t *testing.T) {
	t.Parallel()
	table := newDynamoTable(t)
	open := func(t *testing.T) tokenstore.Store { return newDynamoStore(t, dynamoClient(t, nil), table) }
	storetest.Run(t, open,
		storetest.WithSecondInstance(func(t *testing.T) (one, other tokenstore.Store) { return open(t), open(t) }),
		storetest.WithReopen(func(t *testing.T) (tokenstore.Store, func() tokenstore.Store) {
			transport := new(http.Transport)
			return newDynamoStore(t, dynamoClient(t, transport), table), func() tokenstore.Store {
				transport.CloseIdleConnections()
				return open(t)
			}
		}),
		storetest.WithResend(func(t *testing.T, between func()) tokenstore.Store {
			return newDynamoStore(t, dynamoClient(t, twicePut{between}), table)
		}),
	)
}

// twicePut is a transport that sends every PutItem two times.
type twicePut struct{ between func() }

func (p twicePut) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(req.Header.Get("X-Amz-Target"), ".PutItem") {
		return http.DefaultTransport.RoundTrip(req)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	first := req.Clone(req.Context())
	first.Body = io.NopCloser(bytes.NewReader(body))
	resp, err := http.DefaultTransport.RoundTrip(first)
	if err != nil {
		return nil, err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	p.between()
	second := req.Clone(req.Context())
	second.Body = io.NopCloser(bytes.NewReader(body))
	return http.DefaultTransport.RoundTrip(second)
}

// lossy is a transport that can lose the next answer on its way back.
type lossy struct {
	mu        sync.Mutex
	meanwhile func() // nil: nothing is lost
}

func (l *lossy) RoundTrip(req *http.Request) (*http.Response, error) {
	l.mu.Lock()
	meanwhile := l.meanwhile
	l.meanwhile = nil
	l.mu.Unlock()

	resp, err := http.DefaultTransport.RoundTrip(req)
	if meanwhile == nil || err != nil {
		return resp, err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	meanwhile()
	return nil, io.ErrUnexpectedEOF
}

// loseNextAnswer calls a function after the loss and before the SDK notices it, and then
// closes the channel.
func (l *lossy) loseNextAnswer(meanwhile func()) <-chan struct{} {
	lost := make(chan struct{})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.meanwhile = func() {
		meanwhile()
		close(lost)
	}
	return lost
}

func TestDynamoDBLostAnswer(t *testing.T) {
	t.Parallel()
	table := newDynamoTable(t)
	line := new(lossy)
	store := newDynamoStore(t, dynamoClient(t, line), table)
	testLostReply(t, store, newDynamoStore(t, dynamoClient(t, nil), table), line.loseNextAnswer)

	t.Run("of a change that expires at once: what the SDK sends again is our own", func(t *testing.T) {
		old, err := store.Put(t.Context(), "lost/expired", tokenstore.Record{})
		if err != nil {
			t.Fatal(err)
		}
		lost := line.loseNextAnswer(func() {})
		gone := tokenstore.Record{Version: old, ExpiresAt: time.UnixMilli(1)}
		if _, err := store.Put(t.Context(), "lost/expired", gone); err != nil {
			t.Errorf("Put = %v, want nil", err)
		}
		<-lost
	})
}

// A record that is never due is not in the index, and time to live is in seconds and
// never early.
func TestDynamoDBItems(t *testing.T) {
	t.Parallel()
	client := dynamoClient(t, nil)
	table := newDynamoTable(t)
	store := newDynamoStore(t, client, table)
	far := time.Date(2999, 12, 31, 23, 59, 59, int(time.Millisecond), time.UTC)
	for key, r := range map[string]tokenstore.Record{
		"item/due":     {Value: []byte("secret"), DueAt: far},
		"item/expires": {ExpiresAt: far},
	} {
		if _, err := store.Put(t.Context(), key, r); err != nil {
			t.Fatal(err)
		}
	}

	index, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table, IndexName: aws.String("due")})
	if err != nil {
		t.Fatal(err)
	}
	if len(index.Items) != 1 || len(index.Items[0]) != 3 {
		t.Errorf("the index has %v, want the three keys of item/due", index.Items)
	}
	item, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{
		TableName: &table,
		Key:       map[string]types.AttributeValue{"record": &types.AttributeValueMemberS{Value: "item/expires"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprint(far.Truncate(time.Second).Unix() + 1)
	if ttl, ok := item.Item["ttl"].(*types.AttributeValueMemberN); !ok || ttl.Value != want {
		t.Errorf("ttl is %v, want %s", item.Item["ttl"], want)
	}
}

func TestDynamoDBPagesThroughOneMillisecond(t *testing.T) {
	t.Parallel()
	store := newDynamoStore(t, dynamoClient(t, nil), newDynamoTable(t))
	due := time.Now().Add(-time.Hour).UTC().Truncate(time.Millisecond)
	want := make(map[string]int)
	for i := range 300 {
		key := fmt.Sprintf("same/%c%d", "aA b~Z{%"[i%8], i)
		if _, err := store.Put(t.Context(), key, tokenstore.Record{DueAt: due}); err != nil {
			t.Fatal(err)
		}
		want[key] = 1
	}
	for _, limit := range []int{7, 256, 5000} {
		got := make(map[string]int)
		for _, key := range listDue(t, store, "same", due, limit) {
			got[key]++
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages of %d, how often each key (-want +got):\n%s", limit, diff)
		}
	}
}

func TestDynamoDBReadsABoundedPartOfWhatIsDue(t *testing.T) {
	t.Parallel()
	testBoundedDue(t, newDynamoStore(t, dynamoClient(t, nil), newDynamoTable(t)))
}

func TestDynamoDBRejectsTheCursorOfAnotherPrefix(t *testing.T) {
	t.Parallel()
	store := newDynamoStore(t, dynamoClient(t, nil), newDynamoTable(t))
	for i := range 3 {
		if _, err := store.Put(t.Context(), fmt.Sprintf("one/%d", i), tokenstore.Record{DueAt: time.UnixMilli(1)}); err != nil {
			t.Fatal(err)
		}
	}
	_, cursor, err := store.Due(t.Context(), "one", time.Now(), "", 1)
	if err != nil || cursor == "" {
		t.Fatalf("Due = %q, %v, want a cursor", cursor, err)
	}
	for name, after := range map[string]string{
		"of another prefix": cursor,
		"cut":               cursor[:len(cursor)-1],
		"of other shards":   "\n" + strings.TrimSuffix(cursor, "\n"),
	} {
		if _, _, err := store.Due(t.Context(), "two", time.Now(), after, 1); !errors.Is(err, tokenstore.ErrInvalid) {
			t.Errorf("Due with a cursor %s = %v, want ErrInvalid", name, err)
		}
	}
}

func TestDynamoDBWithoutTheTable(t *testing.T) {
	t.Parallel()
	store := newDynamoStore(t, dynamoClient(t, nil), "no-such-table")
	_, err := store.Get(t.Context(), "a")
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) || errors.Is(err, tokenstore.ErrNotFound) {
		t.Errorf("Get = %v, want the SDK's error and not ErrNotFound", err)
	}
}

func BenchmarkDynamoDB(b *testing.B) {
	benchmark(b, newDynamoStore(b, dynamoClient(b, nil), newDynamoTable(b)))
}

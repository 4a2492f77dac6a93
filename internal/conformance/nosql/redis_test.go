package nosql_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/incidentbridge/incidentbridge/internal/conformance/need"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/redisstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
)

// redisOptions has the address of the Redis of .ci/services.
func redisOptions(t testing.TB) *redis.Options {
	t.Helper()
	options, err := redis.ParseURL(need.Address(t, "redis", installRedis, "INCIDENTBRIDGE_REDIS"))
	if err != nil {
		t.Fatal(err)
	}
	return options
}

func TestRedisKeepsTheContract(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T) tokenstore.Store { return newRedisStore(t, openRedis(t, redisOptions(t))) }
	storetest.Run(t, open,
		storetest.WithSecondInstance(func(t *testing.T) (one, other tokenstore.Store) { return open(t), open(t) }),
		storetest.WithReopen(func(t *testing.T) (tokenstore.Store, func() tokenstore.Store) {
			client := openRedis(t, redisOptions(t))
			return newRedisStore(t, client), func() tokenstore.Store {
				if err := client.Close(); err != nil {
					t.Error(err)
				}
				return open(t)
			}
		}),
		storetest.WithResend(func(t *testing.T, between func()) tokenstore.Store {
			client := openRedis(t, redisOptions(t))
			client.AddHook(twice{between})
			return newRedisStore(t, client)
		}),
	)
}

// twice is a hook that sends the script of every Put two times, once the server knows it.
type twice struct{ between func() }

func (h twice) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		const keys, isPut = 2, 3 + 2 + 7 // of all scripts only Put's has seven arguments
		err := next(ctx, cmd)
		if len(cmd.Args()) != isPut || cmd.Args()[2] != keys || err != nil {
			return err
		}
		h.between()
		return next(ctx, cmd)
	}
}

func (twice) DialHook(next redis.DialHook) redis.DialHook { return next }

func (twice) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// A cluster rejects a script whose keys are in two slots, with one node as with many.
func TestRedisKeepsTheContractInACluster(t *testing.T) {
	t.Parallel()
	addr := startRedisCluster(t)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{addr}, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })

	apart := redis.NewScript("redis.call('SET', KEYS[1], 1) redis.call('SET', KEYS[2], 1)")
	if err := apart.Run(t.Context(), client, []string{"{0}", "{1}"}).Err(); err == nil {
		t.Fatal("the server runs a script over two slots, so it proves nothing")
	}
	store := newRedisStore(t, client)
	storetest.Run(t, func(*testing.T) tokenstore.Store { return store })
}

// startRedisCluster starts a cluster of one node that has every slot.
func startRedisCluster(t *testing.T) (addr string) {
	t.Helper()
	port, bus := freePort(t), freePort(t)
	server := startRedis(t, "--bind", "127.0.0.1", "--cluster-enabled", "yes", "--appendonly", "no",
		"--port", port, "--cluster-port", bus)
	client := server.client(t)
	if err := client.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	reached := eventually(t, func() bool {
		info, err := client.ClusterInfo(t.Context()).Result()
		return err == nil && strings.Contains(info, "cluster_state:ok")
	})
	if !reached {
		t.Fatal("the cluster never came up")
	}
	return net.JoinHostPort("127.0.0.1", port)
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

// The machine stays up, so this does not prove that appendfsync reaches the disk: that is
// Redis's own promise.
func TestRedisKeepsAcknowledgedWritesThroughAKill(t *testing.T) {
	t.Parallel()
	server := startRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	client := server.client(t)
	store := newRedisStore(t, client)
	if err := redisstore.CheckDurability(t.Context(), client); err != nil {
		t.Fatal(err)
	}

	const writers, enough = 8, 400
	var total atomic.Int64
	var acknowledged [writers]int
	kill := sync.OnceFunc(server.kill)
	due := time.Now().UTC().Truncate(time.Millisecond)
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			version := ""
			for {
				r := tokenstore.Record{Value: []byte(strconv.Itoa(acknowledged[i] + 1)), Version: version, DueAt: due}
				written, err := store.Put(t.Context(), fmt.Sprintf("kill/%d", i), r)
				if err != nil {
					return
				}
				acknowledged[i]++
				version = written
				if total.Add(1) >= enough {
					kill()
				}
			}
		})
	}
	group.Wait()
	server.start(t)
	store = newRedisStore(t, server.client(t)) // the old client would rest a while before it dials again

	for i, last := range acknowledged {
		r, err := store.Get(t.Context(), fmt.Sprintf("kill/%d", i))
		if err != nil {
			t.Fatalf("Get after %d acknowledged writes = %v, want the record", last, err)
		}
		// The write after the last acknowledged one is in doubt.
		if got := string(r.Value); got != strconv.Itoa(last) && got != strconv.Itoa(last+1) {
			t.Errorf("writer %d was told that %d is written, and now it is %s", i, last, got)
		}
	}
	keys, _, err := store.Due(t.Context(), "kill", due, "", 100)
	if err != nil || len(keys) != writers {
		t.Errorf("Due = %q, %v, want all %d keys", keys, err, writers)
	}
}

func TestRedisLostReply(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	line := newCable(t, server.socket())
	store := newRedisStore(t, openRedis(t, &redis.Options{Addr: line.addr}))
	// Now the connection is up and the scripts are known: the next reply is that of the
	// write.
	if _, err := store.Put(t.Context(), "warm", tokenstore.Record{}); err != nil {
		t.Fatal(err)
	}
	if err := store.Delete(t.Context(), "warm", ""); err != nil {
		t.Fatal(err)
	}
	testLostReply(t, store, newRedisStore(t, server.client(t)), line.cutNextReply)
}

// go-redis would wait three seconds for a reply, and reports the end of a context as a
// time-out of the network.
func TestRedisCallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	line := newCable(t, server.socket())
	store := newRedisStore(t, openRedis(t, &redis.Options{Addr: line.addr, MaxRetries: -1}))
	if _, err := store.Put(t.Context(), "a", tokenstore.Record{}); err != nil {
		t.Fatal(err)
	}
	line.holdReplies()

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := store.Get(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Get = %v, want context.DeadlineExceeded", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Get took %v, want no longer than its context", took)
	}
}

// After a restart, a fail-over or SCRIPT FLUSH the server knows no script.
func TestRedisForgetsItsScripts(t *testing.T) {
	t.Parallel()
	client := startRedis(t).client(t)
	store := newRedisStore(t, client)
	version := ""
	for range 2 {
		var err error
		version, err = store.Put(t.Context(), "a", tokenstore.Record{Version: version})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Get(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		if err := client.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Delete(t.Context(), "a", version); err != nil {
		t.Fatal(err)
	}
}

func TestRedisThatIsFullChangesNothing(t *testing.T) {
	t.Parallel()
	client := startRedis(t, "--maxmemory-policy", "noeviction").client(t)
	store := newRedisStore(t, client)
	want := tokenstore.Record{Value: []byte("kept"), DueAt: time.UnixMilli(1_700_000_000_000).UTC()}
	version, err := store.Put(t.Context(), "full/a", want)
	if err != nil {
		t.Fatal(err)
	}
	want.Version = version
	if err := client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}

	if _, err := store.Put(t.Context(), "full/a", tokenstore.Record{Version: version}); !redis.HasErrorPrefix(err, "OOM") {
		t.Errorf("Put = %v, want Redis's OOM", err)
	}
	got, err := store.Get(t.Context(), "full/a")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	keys, _, err := store.Due(t.Context(), "full", time.Now(), "", 1)
	if diff := cmp.Diff([]string{"full/a"}, keys); err != nil || diff != "" {
		t.Errorf("Due: %v (-want +got):\n%s", err, diff)
	}
}

func TestRedisDropsExpiredRecordsFromTheIndex(t *testing.T) {
	t.Parallel()
	client := startRedis(t).client(t)
	store := newRedisStore(t, client)
	past := time.Now().Add(-time.Hour)
	for i := range 20 {
		gone := tokenstore.Record{DueAt: past, ExpiresAt: time.Now().Add(200 * time.Millisecond)}
		if _, err := store.Put(t.Context(), fmt.Sprintf("expiry/gone/%d", i), gone); err != nil {
			t.Fatal(err)
		}
	}
	kept := tokenstore.Record{DueAt: past, ExpiresAt: time.Now().Add(time.Hour)}
	if _, err := store.Put(t.Context(), "expiry/kept", kept); err != nil {
		t.Fatal(err)
	}

	var members int
	dropped := eventually(t, func() bool {
		keys := listDue(t, store, "expiry", time.Now(), 7)
		members = 0
		for _, name := range client.Keys(t.Context(), "*:due:*").Val() {
			members += int(client.ZCard(t.Context(), name).Val())
		}
		return slices.Equal(keys, []string{"expiry/kept"}) && members == 1
	})
	if !dropped {
		t.Errorf("the index still has %d members, want the one whose record is there", members)
	}
}

// Get reads the stored ExpiresAt, so only Redis shows whether it will drop the key.
func TestRedisKeepsWhatDoesNotExpireAnyMore(t *testing.T) {
	t.Parallel()
	client := startRedis(t).client(t)
	store := newRedisStore(t, client)
	version, err := store.Put(t.Context(), "a", tokenstore.Record{ExpiresAt: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), "a", tokenstore.Record{Version: version}); err != nil {
		t.Fatal(err)
	}
	name := client.Keys(t.Context(), "*:record:a").Val()[0]
	if left := client.PTTL(t.Context(), name).Val(); left != -1 { // in nanoseconds: never
		t.Errorf("Redis drops the record in %v, want never", left)
	}
}

// Overdue records may all have one time: after an outage, or when one pass wrote them.
func TestRedisPagesThroughOneMillisecond(t *testing.T) {
	t.Parallel()
	store := newRedisStore(t, startRedis(t).client(t))
	due := time.Now().Add(-time.Hour).UTC().Truncate(time.Millisecond)
	var want []string
	for i := range 1000 {
		// A locale would sort capitals, spaces and signs differently; the order is by
		// bytes.
		key := fmt.Sprintf("same/%c%d", "aA b~Z{%"[i%8], i)
		if _, err := store.Put(t.Context(), key, tokenstore.Record{DueAt: due}); err != nil {
			t.Fatal(err)
		}
		want = append(want, key)
	}
	slices.Sort(want)

	for _, limit := range []int{7, 256, 5000} {
		if diff := cmp.Diff(want, listDue(t, store, "same", due, limit)); diff != "" {
			t.Errorf("pages of %d (-want +got):\n%s", limit, diff)
		}
	}

	var claimed []string
	for after := ""; len(claimed) <= len(want); {
		keys, next, err := store.Due(t.Context(), "same", due, after, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			r, err := store.Get(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			r.DueAt = due.Add(2 * time.Hour)
			if _, err := store.Put(t.Context(), key, r); err != nil {
				t.Fatal(err)
			}
		}
		claimed = append(claimed, keys...)
		if after = next; next == "" {
			break
		}
	}
	if diff := cmp.Diff(want, claimed); diff != "" {
		t.Errorf("pages whose keys are claimed at once (-want +got):\n%s", diff)
	}
}

func TestRedisReadsABoundedPartOfWhatIsDue(t *testing.T) {
	t.Parallel()
	testBoundedDue(t, newRedisStore(t, startRedis(t).client(t)))
}

func TestRedisPrefixesShareNothing(t *testing.T) {
	t.Parallel()
	client := startRedis(t).client(t)
	here := newRedisStore(t, client, redisstore.WithPrefix("here:"))
	there := newRedisStore(t, client, redisstore.WithPrefix("there:"))
	if _, err := here.Put(t.Context(), "a", tokenstore.Record{DueAt: time.UnixMilli(1)}); err != nil {
		t.Fatal(err)
	}
	if _, err := there.Get(t.Context(), "a"); !errors.Is(err, tokenstore.ErrNotFound) {
		t.Errorf("Get = %v, want ErrNotFound", err)
	}
	if keys := listDue(t, there, "a", time.Now(), 10); len(keys) > 0 {
		t.Errorf("Due = %q, want nothing", keys)
	}
}

func TestRedisDamagedRecordIsNotAbsent(t *testing.T) {
	t.Parallel()
	client := startRedis(t).client(t)
	store := newRedisStore(t, client)
	if _, err := store.Put(t.Context(), "a", tokenstore.Record{}); err != nil {
		t.Fatal(err)
	}
	names := client.Keys(t.Context(), "*:record:a").Val()
	if err := client.HSet(t.Context(), names[0], "due", "tomorrow").Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Get(t.Context(), "a"); err == nil || errors.Is(err, tokenstore.ErrNotFound) {
		t.Errorf("Get = %v, want an error of its own", err)
	}
}

func TestRedisCheck(t *testing.T) {
	t.Parallel()
	durable := []string{"--maxmemory-policy", "noeviction", "--appendonly", "yes", "--appendfsync", "always"}
	tests := []struct {
		name     string
		settings []string
		wrong    string // the setting that the error names
	}{
		{name: "all as it should be", settings: durable},
		{name: "no log", settings: append(slices.Clone(durable), "--appendonly", "no"), wrong: "appendonly"},
		{name: "a log that is a second behind", settings: append(slices.Clone(durable), "--appendfsync", "everysec"), wrong: "appendfsync"},
		{name: "a cache", settings: append(slices.Clone(durable), "--maxmemory-policy", "allkeys-lru"), wrong: "maxmemory-policy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := redisstore.CheckDurability(t.Context(), startRedis(t, tt.settings...).client(t))
			if tt.wrong == "" {
				if err != nil {
					t.Errorf("CheckDurability = %v, want nil", err)
				}
				return
			}
			if !errors.Is(err, redisstore.ErrNotDurable) || !strings.Contains(err.Error(), tt.wrong+" is") {
				t.Errorf("CheckDurability = %v, want ErrNotDurable that names %s", err, tt.wrong)
			}
		})
	}
	t.Run("a server that does not say", func(t *testing.T) {
		t.Parallel()
		err := redisstore.CheckDurability(t.Context(), startRedis(t, "--rename-command", "CONFIG", "").client(t))
		if err == nil || errors.Is(err, redisstore.ErrNotDurable) {
			t.Errorf("CheckDurability = %v, want an error that is not ErrNotDurable", err)
		}
	})
	t.Run("a cluster", func(t *testing.T) {
		t.Parallel()
		client := redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: []string{startRedisCluster(t)}, ContextTimeoutEnabled: true,
		})
		t.Cleanup(func() { _ = client.Close() })
		err := redisstore.CheckDurability(t.Context(), client)
		if !errors.Is(err, redisstore.ErrNotDurable) {
			t.Errorf("CheckDurability = %v, want ErrNotDurable", err)
		}
	})
}

// The package comment tells an administrator which rights the store needs.
func TestRedisNeedsNoMoreRightsThanDocumented(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	rights := "on >pass ~incidentbridge:* +evalsha +eval +hget +hmget +hset +del +exists +persist +pexpireat " +
		"+zadd +zrem +zcount +zrange +config|get"
	args := []any{"ACL", "SETUSER", "incidentbridge"}
	for right := range strings.FieldsSeq(rights) {
		args = append(args, right)
	}
	if err := server.client(t).Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
	client := openRedis(t, &redis.Options{
		Network: "unix", Addr: server.socket(), Username: "incidentbridge", Password: "pass",
	})
	store := newRedisStore(t, client)
	if err := redisstore.CheckDurability(t.Context(), client); !errors.Is(err, redisstore.ErrNotDurable) {
		t.Errorf("CheckDurability = %v, want ErrNotDurable", err)
	}
	storetest.Run(t, func(*testing.T) tokenstore.Store { return store })
}

// With the settings that CheckDurability wants.
func BenchmarkRedis(b *testing.B) {
	server := startRedis(b, "--maxmemory-policy", "noeviction", "--appendonly", "yes", "--appendfsync", "always")
	benchmark(b, newRedisStore(b, server.client(b)))
}

package nosql_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/incidentbridge/incidentbridge/internal/conformance/need"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/redisstore"
)

const installRedis = "source .ci/services, or apt-get install redis-server"

// redisServer is a Redis for one test, behind a socket in a folder.
type redisServer struct {
	program, dir string
	settings     []string
	cmd          *exec.Cmd
}

// startRedis starts a Redis with these settings until the test ends.
func startRedis(t testing.TB, settings ...string) *redisServer {
	t.Helper()
	s := &redisServer{
		program:  need.Program(t, "redis", installRedis, "redis-server"),
		dir:      t.TempDir(),
		settings: settings,
	}
	s.start(t)
	t.Cleanup(s.kill)
	return s
}

// start starts the server, also after a kill.
func (s *redisServer) start(t testing.TB) {
	t.Helper()
	settings := append([]string{"--port", "0", "--unixsocket", s.socket(), "--dir", s.dir, "--save", ""}, s.settings...)
	s.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), s.program, settings...)
	output, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for lines := bufio.NewScanner(output); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "now ready to accept connections at "+s.socket()) {
			go func() { _, _ = io.Copy(io.Discard, output) }()
			return
		}
	}
	t.Fatalf("redis-server has ended: %v\n%s", s.cmd.Wait(), &said)
}

// kill is kill -9.
func (s *redisServer) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func (s *redisServer) socket() string { return filepath.Join(s.dir, "socket") }

func (s *redisServer) client(t testing.TB) *redis.Client {
	t.Helper()
	return openRedis(t, &redis.Options{Network: "unix", Addr: s.socket()})
}

// openRedis returns a client that is closed when the test ends.
func openRedis(t testing.TB, options *redis.Options) *redis.Client {
	t.Helper()
	options.ContextTimeoutEnabled = true
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func newRedisStore(t testing.TB, client redis.UniversalClient, options ...redisstore.Option) tokenstore.Store {
	t.Helper()
	store, err := redisstore.New(client, options...)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// cable is a proxy to a server that can drop the next reply, or all.
type cable struct {
	addr string

	mu   sync.Mutex
	lose func() bool // handles a reply and reports whether the connection is closed; nil passes it on
}

// newCable returns a proxy to a socket.
func newCable(t *testing.T, socket string) *cable {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	c := &cable{addr: listener.Addr().String()}
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := new(net.Dialer).Dial("unix", socket)
			if err != nil {
				_ = near.Close()
				return
			}
			go func() {
				_, _ = io.Copy(far, near)
				_ = far.Close()
			}()
			go c.carry(near, far)
		}
	}()
	return c
}

// carry copies the server's replies to the client.
func (c *cable) carry(near, far net.Conn) {
	defer func() { _, _ = near.Close(), far.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := far.Read(buffer)
		if err != nil {
			return
		}
		c.mu.Lock()
		lose := c.lose
		c.mu.Unlock()
		if lose != nil {
			if lose() {
				return
			}
			continue
		}
		if _, err := near.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// cutNextReply closes the connection when the server has replied, calls a function before
// the client notices, and then closes the channel.
func (c *cable) cutNextReply(meanwhile func()) <-chan struct{} {
	cut := make(chan struct{})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lose = func() bool {
		c.mu.Lock()
		c.lose = nil
		c.mu.Unlock()
		meanwhile()
		close(cut)
		return true
	}
	return cut
}

// holdReplies drops every reply from now on.
func (c *cable) holdReplies() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lose = func() bool { return false }
}

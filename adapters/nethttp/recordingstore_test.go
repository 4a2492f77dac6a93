package nethttp_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// recordingStore is a store in memory that remembers what was written, and can be down.
type recordingStore struct {
	tokenstore.Store

	down atomic.Bool

	mu     sync.Mutex
	latest map[string]tokenstore.Record // by key, as last written
	bytes  bytes.Buffer                 // every key and value
}

func newRecordingStore() *recordingStore {
	return &recordingStore{Store: tokenstore.NewMemory(), latest: map[string]tokenstore.Record{}}
}

func (s *recordingStore) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	if s.down.Load() {
		return tokenstore.Record{}, errors.New("dial tcp 10.0.0.5:5432: refused")
	}
	return s.Store.Get(ctx, key)
}

func (s *recordingStore) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	s.mu.Lock()
	s.latest[key] = r
	s.bytes.WriteString(key + "\n")
	s.bytes.Write(r.Value)
	s.mu.Unlock()
	return s.Store.Put(ctx, key, r)
}

// records returns every record as it was last written, by key.
func (s *recordingStore) records() map[string]tokenstore.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.latest)
}

// written returns every key and value that was written.
func (s *recordingStore) written() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes.String()
}

// safeBuffer is a buffer that several goroutines may write to.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

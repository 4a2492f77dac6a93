package memo_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/memo"
)

var errVendor = errors.New("vendor failed")

// loader loads the number of the load, after a second. It may be used for a minute.
type loader struct {
	loads int
	err   error
	keep  bool // an error, too
}

func (l *loader) load(ctx context.Context, _ string) (int, time.Time, error) {
	l.loads++
	n := l.loads
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return 0, time.Time{}, ctx.Err()
	}
	if l.err != nil && !l.keep {
		return 0, time.Time{}, l.err
	}
	return n, time.Now().Add(time.Minute), l.err
}

func (l *loader) cache() *memo.Cache[string, int] {
	return memo.New(10*time.Second, time.Now, l.load)
}

func TestCallersShareOneLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l loader
		cache := l.cache()
		results := make(chan int, 10)
		for range cap(results) {
			go func() {
				n, _ := cache.Get(t.Context(), "key")
				results <- n
			}()
		}
		for range cap(results) {
			if n := <-results; n != 1 {
				t.Errorf("a caller got load %d, want 1", n)
			}
		}
	})
}

func TestResultIsKept(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		l     loader
		key   string
		after time.Duration
		loads int
	}{
		{"within its time", loader{}, "key", 59 * time.Second, 1},
		{"until its time", loader{}, "key", time.Minute, 2},
		{"by its key", loader{}, "other", 0, 2},
		{"a kept error", loader{err: errVendor, keep: true}, "key", 59 * time.Second, 1},
		{"no other error", loader{err: errVendor}, "key", 0, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cache := test.l.cache()
				for _, key := range []string{"key", test.key} {
					if _, err := cache.Get(t.Context(), key); !errors.Is(err, test.l.err) {
						t.Errorf("error %v, want %v", err, test.l.err)
					}
					<-time.After(test.after)
				}
				if test.l.loads != test.loads {
					t.Errorf("%d loads, want %d", test.l.loads, test.loads)
				}
			})
		})
	}
}

func TestLoadOutlivesTheCallerThatStartedIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l loader
		cache := l.cache()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := cache.Get(ctx, "key"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want DeadlineExceeded", err)
		}
		if n, err := cache.Get(t.Context(), "key"); n != 1 || err != nil {
			t.Errorf("got load %d, %v, want 1", n, err)
		}
	})
}

func TestForget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l loader
		cache := l.cache()
		for _, step := range []struct {
			forget, want int
		}{{0, 1}, {7, 1}, {1, 2}, {1, 2}} {
			cache.Forget("key", func(n int) bool { return n == step.forget })
			if n, err := cache.Get(t.Context(), "key"); n != step.want || err != nil {
				t.Errorf("after forgetting %d got load %d, %v, want %d", step.forget, n, err, step.want)
			}
		}
	})
}

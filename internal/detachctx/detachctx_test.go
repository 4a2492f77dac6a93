package detachctx_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/detachctx"
)

func TestContextLasts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		until, want time.Duration // from now; until 0: nothing was said
	}{
		{name: "for its budget", want: 5 * time.Second},
		{name: "for its budget, which ends sooner", until: time.Minute, want: 5 * time.Second},
		{name: "until the end", until: 2 * time.Second, want: 2 * time.Second},
		{name: "no longer than it was", until: -time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, leave := context.WithCancel(t.Context())
				if tt.until != 0 {
					ctx = detachctx.Until(ctx, time.Now().Add(tt.until))
				}
				ctx, first := detachctx.Context(ctx, time.Hour) // detached twice, and still ended
				defer first()
				ctx, cancel := detachctx.Context(ctx, 5*time.Second)
				defer cancel()
				leave()
				began := time.Now()
				<-ctx.Done()
				if lasted := time.Since(began); lasted != tt.want {
					t.Errorf("it lasted %v, want %v", lasted, tt.want)
				}
			})
		})
	}
}

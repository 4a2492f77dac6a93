package tokenstore

import (
	"testing"
	"time"
)

// A bubble moves both clocks at once, so this looks at them apart: an NTP step or a
// suspended machine moves only one.
func TestBothClocksMustLeaveTimeForTheCallAndTheSave(t *testing.T) {
	t.Parallel()
	const need = defaultRefreshTimeout + saveTimeout
	tests := []struct {
		name            string
		wall, monotonic time.Duration // what each clock leaves of the lease
		want            bool
	}{
		{"both have time", need + time.Second, need + time.Second, true},
		{"the wall clock was set forward", need - time.Second, need + time.Second, false},
		{"the wall clock was set back", need + time.Hour, need - time.Second, false},
		{"neither has time", -time.Second, -time.Second, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			source, now := &TokenSource{config: sourceConfig{refreshTimeout: defaultRefreshTimeout}}, time.Now()
			leased := leasedGrant{
				grant:   grant{Lease: &lease{Until: now.Add(test.wall).UTC()}},
				takenAt: now,
				length:  test.monotonic,
			}
			if got := newRefresher(source).leaseCovers(leased); got != test.want {
				t.Errorf("leaseCovers = %v, want %v", got, test.want)
			}
		})
	}
}

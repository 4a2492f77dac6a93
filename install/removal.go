package install

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	removalTTL  = time.Hour // longer than any consent waits to be installed
	maxRemovals = 8         // in the record: Zoom reports those of every account that has the app
)

// recentRemovals are the latest removals of the app at Zoom, by account id.
type recentRemovals map[string]time.Time

// removedSince reports whether the app was removed in the account after the consent.
func (m recentRemovals) removedSince(account string, consentAt time.Time) bool {
	at, removed := m[account]
	return removed && !at.Before(consentAt)
}

// with returns the removals and one more, without the oldest. It reports whether they
// differ from before.
func (m recentRemovals) with(account string, at, now time.Time) (recentRemovals, bool) {
	known, found := m[account]
	if account == "" || found && !known.Before(at) || now.Sub(at) >= removalTTL {
		return m, false
	}
	newestFirst := slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(m[b].Compare(m[a]), strings.Compare(a, b))
	})
	kept := recentRemovals{account: at.UTC()}
	for _, other := range newestFirst {
		if other != account && len(kept) < maxRemovals && now.Sub(m[other]) < removalTTL {
			kept[other] = m[other]
		}
	}
	return kept, true
}

package bridge_test

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
)

// summary is a record in a few words.
func (v recordView) summary() string {
	if v.IncidentID == "" {
		return "something else"
	}
	text := fmt.Sprintf("%s, generation %d", v.State, v.Generation)
	if v.Decision != nil {
		text += ", " + v.Decision.summary()
	}
	if v.Lease.Owner != "" {
		text += ", leased"
	}
	if v.CloseRequested != "" {
		text += ", to be closed"
	}
	return text
}

func (d *decisionView) summary() string {
	if d.MeetingID != "" {
		return "meeting " + d.MeetingID
	}
	return d.Provider
}

func untilText(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return time.Until(at).Round(time.Millisecond).String()
}

// bridgeText is what a caller got, in a few words.
func bridgeText(b *bridge.Bridge, err error) string {
	if b == nil {
		return fmt.Sprint("error: ", errorText(err))
	}
	text := fmt.Sprintf("%s, generation %d, %s %s", b.State, b.Generation, b.Provider, b.MeetingID)
	if b.Created {
		text += ", made by this call"
	}
	return strings.TrimSpace(text)
}

// errorText names an error by its sentinels, since a message may hold what differs
// between runs.
func errorText(err error) string {
	if err == nil {
		return "none"
	}
	var kinds []string
	for _, sentinel := range []error{
		bridge.ErrInvalid, bridge.ErrForbidden, bridge.ErrIgnored, bridge.ErrStale, bridge.ErrIncidentNotFound, bridge.ErrNotFound,
		bridge.ErrResolved, bridge.ErrProvider, bridge.ErrIncidents, bridge.ErrUnavailable, bridge.ErrInProgress,
		bridge.ErrPermanent, bridge.ErrInDoubt,
	} {
		if errors.Is(err, sentinel) {
			kinds = append(kinds, strings.TrimPrefix(sentinel.Error(), "bridge: "))
		}
	}
	if kept(err) {
		kinds = append(kinds, "kept")
	}
	return strings.Join(kinds, ", ")
}

package bridge_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
)

// tell adds a line to the trace. Nothing random that the seed did not choose may stand in one: no nonce, no version.
func (s *simulation) tell(format string, args ...any) {
	s.trace = append(s.trace, fmt.Sprintf("%4d %11v  ", s.steps.Load(), time.Since(s.start).Round(time.Millisecond))+fmt.Sprintf(format, args...))
}

// outcome is an answer in a few words.
func outcome(answer any) string {
	switch a := answer.(type) {
	case storeAnswer:
		if a.err != nil {
			return a.err.Error()
		}
		if a.record.Version != "" {
			p := readSheet(a.record.Value)
			return p.summary()
		}
		return strings.TrimSpace(fmt.Sprint("ok ", strings.Join(a.keys, " ")))
	case wireAnswer:
		if _, broken := errors.AsType[*net.OpError](a.err); broken {
			return "cut"
		}
		return fmt.Sprintf("%d", a.status)
	default:
		return "?"
	}
}

// summary is a record in a few words.
func (p sheet) summary() string {
	if p.IncidentID == "" {
		return "something else"
	}
	text := fmt.Sprintf("%s, generation %d", p.State, p.Generation)
	if p.Call != nil {
		text += ", " + p.Call.name()
	}
	if p.Lease.Owner != "" {
		text += ", leased"
	}
	if p.CloseAsk != "" {
		text += ", to be closed"
	}
	return text
}

// bridgeText is what a caller got, in a few words.
func bridgeText(b *bridge.Bridge, err error) string {
	if b == nil {
		return fmt.Sprint("error: ", kindOf(err))
	}
	text := fmt.Sprintf("%s, generation %d, %s %s", b.State, b.Generation, b.Provider, b.MeetingID)
	if b.Created {
		text += ", made by this call"
	}
	return strings.TrimSpace(text)
}

// kindOf names an error by its sentinel, since a message may hold what differs between runs.
func kindOf(err error) string {
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

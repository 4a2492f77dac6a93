package pagerduty

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
)

// ConferenceBridge is how people join an incident's meeting. Both parts may contain a
// passcode, so it prints as "[redacted]"; read the fields to use them.
type ConferenceBridge struct {
	URL    string // the join link
	DialIn string // what a phone dials, such as "+1 415-555-0100,,98765432101#": a comma waits a second
}

// Format prints "[redacted]", whatever the verb.
func (ConferenceBridge) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[redacted]") }

// LogValue logs "[redacted]".
func (ConferenceBridge) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// bridgeWrite is the body of a write. No field is left out when empty: what PagerDuty
// does with half a bridge is not documented. There is no status, which would reopen a
// resolved incident.
type bridgeWrite struct {
	Incident bridgeWriteIncident `json:"incident"`
}

type bridgeWriteIncident struct {
	Type             string                `json:"type"`
	ConferenceBridge bridgeWriteConference `json:"conference_bridge"`
}

type bridgeWriteConference struct {
	Number string `json:"conference_number"`
	URL    string `json:"conference_url"`
}

// SetConferenceBridge replaces the bridge of the incident, both parts of it. A wholly
// empty bridge is [ErrInvalid] before any call, so that an empty value never overwrites
// one.
//
// The write is idempotent and repeated on faults. PagerDuty's answer has the incident's
// state, its Status above all, but never the bridge: read the incident for that.
//
// See https://developer.pagerduty.com/api-reference/8a0e1aa2ec666-update-an-incident.
func (c *Client) SetConferenceBridge(ctx context.Context, id string, b ConferenceBridge) (*Incident, error) {
	const op = "set conference bridge"
	if strings.TrimSpace(b.URL) == "" && strings.TrimSpace(b.DialIn) == "" {
		return nil, invalid(op, "", "a conference bridge needs a link or a number")
	}
	return c.writeBridge(ctx, op, id, b)
}

// ClearConferenceBridge removes the bridge of the incident, no matter who wrote it, and
// reads the incident back: how to clear a bridge is not documented, so both parts are
// written empty and the result is what was read. With [ErrNotCleared], which is returned
// together with the incident, the bridge is still there or there again. [ErrInDoubt] also
// means that PagerDuty accepted the write and the read failed.
func (c *Client) ClearConferenceBridge(ctx context.Context, id string) (*Incident, error) {
	const op = "clear conference bridge"
	if _, err := c.writeBridge(ctx, op, id, ConferenceBridge{}); err != nil {
		return nil, err
	}
	found, err := c.Incident(ctx, id)
	if err != nil {
		return nil, &Error{Op: op, IncidentID: id, Err: fmt.Errorf("%w: %w", ErrInDoubt, err)}
	}
	if found.ConferenceBridge != nil {
		return found, &Error{Op: op, IncidentID: id, Err: ErrNotCleared}
	}
	return found, nil
}

func (c *Client) writeBridge(ctx context.Context, op, id string, b ConferenceBridge) (*Incident, error) {
	if !validID(id) {
		return nil, invalid(op, "", "the incident id must be letters and digits")
	}
	r := request{
		op: op, incidentID: id,
		method: http.MethodPut, path: "/incidents/" + id,
		body: bridgeWrite{bridgeWriteIncident{
			Type:             "incident_reference",
			ConferenceBridge: bridgeWriteConference{Number: b.DialIn, URL: b.URL},
		}},
		secrets: []string{b.URL, b.DialIn},
	}
	answer, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	return answeredIncident(r, answer)
}

// decodeConferenceBridge reads a bridge in REST's or the webhook's spelling; nil when
// both parts are empty.
func decodeConferenceBridge(o lenientjson.Object) *ConferenceBridge {
	b := ConferenceBridge{URL: o.String("conference_url"), DialIn: o.String("conference_number")}
	for _, listed := range o.Objects("conference_numbers") {
		if b.DialIn == "" {
			b.DialIn = listed.String("number")
		}
	}
	if b == (ConferenceBridge{}) {
		return nil
	}
	return &b
}

package nethttp

import (
	"net/http"
	"net/url"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
)

// bridgeJSON is a bridge as callers see it. Its links may carry a passcode.
type bridgeJSON struct {
	IncidentID string     `json:"incident_id"`
	State      string     `json:"state"`
	Created    bool       `json:"created"`
	Provider   string     `json:"provider"`
	MeetingID  string     `json:"meeting_id"`
	JoinURL    string     `json:"join_url"`
	DialIn     string     `json:"dial_in"`
	Host       string     `json:"host"`
	Generation int        `json:"generation"`
	Warnings   []string   `json:"warnings"`
	OpenedAt   *time.Time `json:"opened_at"`
	ClosedAt   *time.Time `json:"closed_at"`
}

// show answers with the bridge.
func show(status int, b *bridge.Bridge) answer {
	return answer{
		status: status,
		body: bridgeJSON{
			IncidentID: b.IncidentID,
			State:      string(b.State),
			Created:    b.Created,
			Provider:   b.Provider,
			MeetingID:  b.MeetingID,
			JoinURL:    b.JoinURL,
			DialIn:     b.DialIn,
			Host:       b.Host,
			Generation: b.Generation,
			Warnings:   append([]string{}, b.Warnings...), // [] rather than null
			OpenedAt:   orNull(b.OpenedAt),
			ClosedAt:   orNull(b.ClosedAt),
		},
		code:       string(b.State),
		incidentID: b.IncidentID,
	}
}

// opened answers an opening: 201 for a bridge that this call made, 200 for one that was there, and 202 for one that is
// not on the incident yet.
func opened(b *bridge.Bridge) answer {
	switch {
	case b.State == bridge.StateCreating || b.State == bridge.StateCreated:
		return show(http.StatusAccepted, b).with("Location", location(b.IncidentID)).retryAfter(progressRetry)
	case b.Created:
		return show(http.StatusCreated, b).with("Location", location(b.IncidentID))
	default:
		return show(http.StatusOK, b)
	}
}

// closed answers a closing: 202 while the bridge may still be used, 200 when it is over.
func closed(b *bridge.Bridge) answer {
	if b.State.Open() {
		return show(http.StatusAccepted, b)
	}
	return show(http.StatusOK, b)
}

func location(incidentID string) string {
	return "/api/v1/incidents/" + url.PathEscape(incidentID) + "/bridge"
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

package bridge_test

import (
	"encoding/json"
	"slices"
	"time"
)

// recordView is what tests read of an incident's record in the store. It alone knows the
// names of the JSON.
type recordView struct {
	IncidentID     string        `json:"incident_id"`
	State          string        `json:"state"`
	Generation     int           `json:"generation"`
	Lease          leaseView     `json:"lease"`
	Decision       *decisionView `json:"decision"`
	Previous       previousView  `json:"previous"`
	CloseRequested string        `json:"close_requested"`
	CloseReason    string        `json:"close_reason"`
	LastClosedAt   time.Time     `json:"last_closed_at"`
	CreateSites    []any         `json:"create_sites"`
	AuditAt        []time.Time   `json:"audit_at"`
	VerifyWrites   int           `json:"verify_writes"`
}

type leaseView struct {
	Owner string    `json:"owner"`
	Until time.Time `json:"until"`
}

// previousView is the bridge that a Replace is about to replace.
type previousView struct {
	Decision *decisionView `json:"decision"`
}

type decisionView struct {
	Provider  string `json:"provider"`
	MeetingID string `json:"meeting_id"`
	JoinURL   string `json:"join_url"`
}

// Why a bridge ends, besides the reasons that package bridge exports.
const (
	reasonRejected = "rejected" // by PagerDuty, which does not take the link
	reasonMaxAge   = "max_age"
	reasonFault    = "fault" // the incident could not be read
)

func readRecord(value []byte) recordView {
	var v recordView
	_ = json.Unmarshal(value, &v) // what is no record has no incident
	return v
}

// is reports whether the decision is this meeting of Zoom.
func (d *decisionView) is(meetingID string) bool {
	return d != nil && d.Provider == "zoom" && d.MeetingID == meetingID
}

// equal reports whether both are decisions for the same.
func (d *decisionView) equal(other *decisionView) bool {
	return d != nil && other != nil && *d == *other
}

// isOpen reports whether there is something left to do for the record.
func (v recordView) isOpen() bool {
	return slices.Contains([]string{"creating", "created", "attached", "closing", "ending"}, v.State)
}

// isReplaceable reports whether the record has a bridge that a Replace may replace.
func (v recordView) isReplaceable() bool {
	return v.Decision != nil && slices.Contains([]string{"created", "attached", "closing"}, v.State)
}

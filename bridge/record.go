package bridge

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// recordFormat is the newest format this program reads and writes. A newer record is left untouched.
const recordFormat = 1

// record is an incident's page in the ledger. Its JSON is what stores hold: names and meanings never change, new
// fields are added, and a change an older program could misread raises recordFormat.
type record struct {
	Format     int       `json:"format"`
	IncidentID string    `json:"incident_id"`
	State      State     `json:"state"`
	Generation int       `json:"generation"`
	Nonce      string    `json:"nonce"`              // random, one per generation
	Stamp      string    `json:"stamp"`              // random, one per write: tells a lost reply from a lost race
	Lease      lease     `json:"lease,omitzero"`     // who is at work
	Asked      asked     `json:"asked,omitzero"`     // what started this generation, for whoever takes it over
	Tried      []berth   `json:"tried,omitempty"`    // where a create of any living generation may have been sent
	Call       *decided  `json:"call,omitempty"`     // the decision: set once per generation, never changed
	Standing   *standing `json:"standing,omitempty"` // what Call is to replace
	Former     []former  `json:"former,omitempty"`
	Keys       []seen    `json:"keys,omitempty"`
	Warnings   []string  `json:"warnings,omitempty"`

	Attempts  int         `json:"attempts,omitempty"` // failures in a row
	RetryAt   time.Time   `json:"retry_at,omitzero"`
	VerifyAt  time.Time   `json:"verify_at,omitzero"`
	Verified  int         `json:"verified,omitempty"` // writes that verification made in this generation
	AuditAt   []time.Time `json:"audit_at,omitempty"`
	CloseAt   time.Time   `json:"close_at,omitzero"` // end of the grace period
	EndBy     time.Time   `json:"end_by,omitzero"`   // the bridge's maximum age
	Noted     bool        `json:"noted,omitempty"`   // the warnings were told in a note
	CloseAsk  CloseReason `json:"close_ask,omitempty"`
	Reason    CloseReason `json:"reason,omitempty"` // why it is closing or was released
	FailingAt time.Time   `json:"failing_at,omitzero"`
	FailNoted time.Time   `json:"fail_noted,omitzero"` // when people were last told that there is no bridge

	OpenedAt   time.Time `json:"opened_at,omitzero"`
	AttachedAt time.Time `json:"attached_at,omitzero"`
	ClosedAt   time.Time `json:"closed_at,omitzero"`
	OverAt     time.Time `json:"over_at,omitzero"` // the last closing: a trigger from before it never reopens
}

type lease struct {
	Owner string    `json:"owner"`
	Until time.Time `json:"until"`
}

type asked struct {
	RequesterID    string      `json:"requester_id,omitempty"`
	RequesterEmail string      `json:"requester_email,omitempty"`
	Trigger        TriggerKind `json:"trigger"`
	Event          string      `json:"event,omitempty"`
	WorkflowID     string      `json:"workflow_id,omitempty"`
	WorkflowName   string      `json:"workflow_name,omitempty"`
}

// external is the provider of a human's bridge.
const external = "external"

// berth is a place where a call may lie.
type berth struct {
	Provider   string `json:"provider"`
	Host       string `json:"host"`
	Generation int    `json:"generation"`
}

// decided is the call that was decided for a generation.
type decided struct {
	Provider  string   `json:"provider"`
	MeetingID string   `json:"meeting_id,omitempty"`
	Host      string   `json:"host,omitempty"`
	JoinURL   string   `json:"join_url"`
	DialIns   []string `json:"dial_ins,omitempty"` // the first is what the incident shows, or will
}

// link is what the incident shows of the call, or will.
func (d *decided) link() Link {
	l := Link{URL: d.JoinURL}
	if len(d.DialIns) > 0 {
		l.DialIn = d.DialIns[0]
	}
	return l
}

// former is a link of ours that the incident may still show.
type former struct {
	MeetingID string `json:"meeting_id,omitempty"`
	JoinURL   string `json:"join_url,omitempty"`
	Number    string `json:"number,omitempty"` // of a room that has nothing else
}

// seen is an idempotency key, hashed to a fixed length, and the generation that first saw it.
type seen struct {
	Key        string    `json:"key"`
	Generation int       `json:"generation"`
	At         time.Time `json:"at"`
}

const (
	keyLife  = 72 * time.Hour // PagerDuty redelivers for 48
	keepKeys = 64             // at least so many are kept, whatever their age
	mostKeys = 1024           // and never more, so that a record stays small
)

func decodeRecord(value []byte) (record, error) {
	var format struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(value, &format); err != nil {
		return record{}, fmt.Errorf("%w: the ledger's record cannot be read: %w", ErrUnavailable, err)
	}
	if format.Format > recordFormat {
		return record{}, fmt.Errorf("%w: the ledger's record has format %d and this program knows %d: run the newer program",
			ErrUnavailable, format.Format, recordFormat)
	}
	var r record
	if err := json.Unmarshal(value, &r); err != nil {
		return record{}, fmt.Errorf("%w: the ledger's record cannot be read: %w", ErrUnavailable, err)
	}
	return r, nil
}

func (r *record) encode() ([]byte, error) { return json.Marshal(r) }

// clone lets a change be prepared without touching what was read.
func (r *record) clone() record {
	c := *r
	c.Tried = slices.Clone(r.Tried)
	c.Former = slices.Clone(r.Former)
	c.Keys = slices.Clone(r.Keys)
	c.Warnings = slices.Clone(r.Warnings)
	c.AuditAt = slices.Clone(r.AuditAt)
	return c
}

// expiresAt lets a closed record go once nothing can ask for it any more; an open one never expires.
func (r *record) expiresAt(retention time.Duration) time.Time {
	if r.State.Open() || r.ClosedAt.IsZero() {
		return time.Time{}
	}
	return r.ClosedAt.Add(retention)
}

func (r *record) leased(now time.Time) bool { return r.Lease.Owner != "" && now.Before(r.Lease.Until) }

// keyGeneration is the generation that first saw key, or 0.
func (r *record) keyGeneration(key string) int {
	if key == "" {
		return 0
	}
	hashed := hashKey(key)
	for _, k := range r.Keys {
		if k.Key == hashed {
			return k.Generation
		}
	}
	return 0
}

func (r *record) addKey(key string, generation int, now time.Time) {
	if key == "" || r.keyGeneration(key) != 0 {
		return
	}
	r.Keys = append(r.Keys, seen{Key: hashKey(key), Generation: generation, At: now})
	for len(r.Keys) > keepKeys && now.Sub(r.Keys[0].At) > keyLife || len(r.Keys) > mostKeys {
		r.Keys = r.Keys[1:]
	}
}

func (r *record) dropKey(key string) {
	hashed := hashKey(key)
	r.Keys = slices.DeleteFunc(r.Keys, func(k seen) bool { return k.Key == hashed })
}

func hashKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:12])
}

// warn adds a warning; false: it is there already.
func (r *record) warn(text string) bool {
	if slices.Contains(r.Warnings, text) {
		return false
	}
	r.Warnings = append(r.Warnings, text)
	return true
}

// retire moves the decided call to the former ones, so that its link is never taken for a human's.
func (r *record) retire() {
	if r.Call != nil && r.Call.Provider != external && !r.former(r.Call.link()) {
		link := r.Call.link()
		r.Former = append(r.Former, former{MeetingID: r.Call.MeetingID, JoinURL: link.URL, Number: link.DialIn})
	}
	r.Call = nil
}

// bridge is what callers see of the record.
func (r *record) bridge() *Bridge {
	b := &Bridge{
		IncidentID: r.IncidentID, State: r.State, Generation: r.Generation,
		Warnings: slices.Clone(r.Warnings), OpenedAt: r.OpenedAt, ClosedAt: r.ClosedAt,
	}
	if r.CloseAsk != "" && r.State == StateCreating {
		b.State = StateClosing
	}
	if r.Call == nil {
		return b
	}
	b.Provider, b.MeetingID, b.JoinURL, b.Host = r.Call.Provider, r.Call.MeetingID, r.Call.JoinURL, r.Call.Host
	b.DialIn = r.Call.link().DialIn
	return b
}

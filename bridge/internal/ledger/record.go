package ledger

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// format is the newest record format that this program reads, and the one it writes. A newer
// record is left untouched, and so is one from before oldestFormat, which was never released.
const format = 2

const oldestFormat = 2

// External is the provider of a bridge that a human wrote.
const External = "external"

// Record is what the ledger knows of one incident's bridge. Its JSON is what stores hold:
// a released name or meaning never changes, new fields are added, and a change that an
// older program could misread raises the format.
type Record struct {
	Format     int    `json:"format"`
	IncidentID string `json:"incident_id"`
	State      State  `json:"state"`
	Generation int    `json:"generation"`
	Nonce      string `json:"nonce"` // random, one per generation
	Stamp      string `json:"stamp"` // random, one per write: tells a lost reply from a lost race

	Lease       Lease        `json:"lease,omitzero"`         // who is at work
	Requested   Requested    `json:"requested,omitzero"`     // what started this generation
	CreateSites []CreateSite `json:"create_sites,omitempty"` // where a create may have been sent
	Decision    *Decision    `json:"decision,omitempty"`     // set once per generation, never changed
	Previous    *Previous    `json:"previous,omitempty"`     // the bridge that this generation replaces
	FormerLinks []FormerLink `json:"former_links,omitempty"`
	Keys        []Key        `json:"idempotency_keys,omitempty"`
	Warnings    []string     `json:"warnings,omitempty"`

	CloseRequested CloseReason `json:"close_requested,omitempty"` // asked for before there is a decision
	CloseReason    CloseReason `json:"close_reason,omitempty"`    // why it is closing, or ended
	Attempts       int         `json:"attempts,omitempty"`        // failures in a row
	LastFailure    string      `json:"last_failure,omitempty"`    // of these, in a sentence for people
	VerifyWrites   int         `json:"verify_writes,omitempty"`   // links put back in this generation
	WarningsNoted  bool        `json:"warnings_noted,omitempty"`  // the warnings are in a note

	RetryAt   time.Time   `json:"retry_at,omitzero"`
	VerifyAt  time.Time   `json:"verify_at,omitzero"`
	AuditAt   []time.Time `json:"audit_at,omitempty"`
	CloseAt   time.Time   `json:"close_at,omitzero"`   // end of the grace period
	ExpiresAt time.Time   `json:"expires_at,omitzero"` // the bridge's maximum age

	FailingSince   time.Time `json:"failing_since,omitzero"`
	FailureNotedAt time.Time `json:"failure_noted_at,omitzero"`
	OpenedAt       time.Time `json:"opened_at,omitzero"`
	AttachedAt     time.Time `json:"attached_at,omitzero"`
	ClosedAt       time.Time `json:"closed_at,omitzero"`
	LastClosedAt   time.Time `json:"last_closed_at,omitzero"` // an older trigger never reopens

	version string   // in the store; "" while it is not there
	stored  position // of the record in the store, to tell what a write changes
	invalid error    // a transition that the table does not list; Write refuses the record
}

// Lease says who works on a record, and until when that holds.
type Lease struct {
	Owner string    `json:"owner"`
	Until time.Time `json:"until"`
}

// Requested is what started a generation, for the process that takes it over.
type Requested struct {
	RequesterID    string `json:"requester_id,omitempty"`
	RequesterEmail string `json:"requester_email,omitempty"`
	Trigger        string `json:"trigger"`
	Event          string `json:"event,omitempty"`
	WorkflowID     string `json:"workflow_id,omitempty"`
	WorkflowName   string `json:"workflow_name,omitempty"`
}

// CreateSite is a provider and host at which a meeting of a generation may have been
// created.
type CreateSite struct {
	Provider   string `json:"provider"`
	Host       string `json:"host"`
	Generation int    `json:"generation"`
}

// SameHost reports whether both name the same host of the same provider.
func (c CreateSite) SameHost(other CreateSite) bool {
	return c.Provider == other.Provider && c.Host == other.Host
}

// Link is what an incident shows as its conference bridge.
type Link struct {
	URL    string
	DialIn string
}

// Decision is the meeting, or room, that was decided for a generation.
type Decision struct {
	Provider  string   `json:"provider"`
	MeetingID string   `json:"meeting_id,omitempty"`
	Host      string   `json:"host,omitempty"`
	JoinURL   string   `json:"join_url"`
	DialIns   []string `json:"dial_ins,omitempty"` // the first is what the incident shows, or will
}

// Link is what the incident shows of the decision, or will.
func (d *Decision) Link() Link {
	l := Link{URL: d.JoinURL}
	if len(d.DialIns) > 0 {
		l.DialIn = d.DialIns[0]
	}
	return l
}

// Same reports whether both decide the same meeting. The rest of a join link may change.
func (d *Decision) Same(other *Decision) bool {
	if d.Provider != other.Provider || d.MeetingID != other.MeetingID {
		return false
	}
	return d.MeetingID != "" || d.JoinURL == other.JoinURL
}

// Previous is the bridge that a new generation replaces, until the new one is on the
// incident.
type Previous struct {
	Decision *Decision `json:"decision"`
	OpenedAt time.Time `json:"opened_at"`
}

// FormerLink is a link of ours that the incident may still show.
type FormerLink struct {
	MeetingID string `json:"meeting_id,omitempty"`
	JoinURL   string `json:"join_url,omitempty"`
	DialIn    string `json:"dial_in,omitempty"` // of a room that has nothing else
}

// Key is an idempotency key, hashed to a fixed length, and the generation that first saw
// it.
type Key struct {
	Hash       string    `json:"hash"`
	Generation int       `json:"generation"`
	SeenAt     time.Time `json:"seen_at"`
}

// KeyLife is how long idempotency keys are kept: PagerDuty redelivers for 48 hours.
const KeyLife = 72 * time.Hour

const (
	minKeys = 64   // at least so many are kept, whatever their age
	maxKeys = 1024 // and never more, so that a record stays small
)

// decode reads a record as the store holds it.
func decode(value []byte, version string) (*Record, error) {
	var header struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(value, &header); err != nil {
		return nil, fmt.Errorf("%w: %w: %w", ErrUnavailable, ErrUnreadable, err)
	}
	if header.Format > format {
		return nil, fmt.Errorf("%w: %w (format %d, this program knows %d)",
			ErrUnavailable, ErrNewerRecord, header.Format, format)
	}
	if header.Format < oldestFormat {
		return nil, fmt.Errorf("%w: %w: its format is %d, and the oldest that is known is %d",
			ErrUnavailable, ErrUnreadable, header.Format, oldestFormat)
	}
	var r Record
	if err := json.Unmarshal(value, &r); err != nil {
		return nil, fmt.Errorf("%w: %w: %w", ErrUnavailable, ErrUnreadable, err)
	}
	if r.Decision == nil && r.State.decided() {
		return nil, fmt.Errorf("%w: %w: it is %s without a decision", ErrUnavailable, ErrUnreadable, r.State)
	}
	r.version, r.stored = version, r.position()
	return &r, nil
}

// position is where a record is in its life.
type position struct {
	state      State
	generation int
	attached   bool // in this generation, at some time
}

func (r *Record) position() position {
	return position{state: r.State, generation: r.Generation, attached: !r.AttachedAt.IsZero()}
}

// Exists reports whether the record is in the store; one that was never written has no
// state.
func (r *Record) Exists() bool { return r.version != "" }

// Clone returns a copy to prepare a change in.
func (r *Record) Clone() *Record {
	c := *r
	c.CreateSites = slices.Clone(r.CreateSites)
	c.FormerLinks = slices.Clone(r.FormerLinks)
	c.Keys = slices.Clone(r.Keys)
	c.Warnings = slices.Clone(r.Warnings)
	c.AuditAt = slices.Clone(r.AuditAt)
	return &c
}

// Leased reports whether a holder is at work.
func (r *Record) Leased(now time.Time) bool {
	return r.Lease.Owner != "" && now.Before(r.Lease.Until)
}

// ReleaseLease ends a holder's work on the record.
func (r *Record) ReleaseLease() { r.Lease = Lease{} }

// KeyGeneration returns the generation that first saw the idempotency key, or 0.
func (r *Record) KeyGeneration(key string) int {
	if key == "" {
		return 0
	}
	hash := hashKey(key)
	for _, k := range r.Keys {
		if k.Hash == hash {
			return k.Generation
		}
	}
	return 0
}

// AddKey keeps an idempotency key for the generation, unless it is kept already.
func (r *Record) AddKey(key string, generation int, now time.Time) {
	if key == "" || r.KeyGeneration(key) != 0 {
		return
	}
	r.Keys = append(r.Keys, Key{Hash: hashKey(key), Generation: generation, SeenAt: now})
	for len(r.Keys) > minKeys && now.Sub(r.Keys[0].SeenAt) > KeyLife || len(r.Keys) > maxKeys {
		r.Keys = r.Keys[1:]
	}
}

// DropKey forgets an idempotency key, so that a redelivery is served.
func (r *Record) DropKey(key string) {
	hash := hashKey(key)
	r.Keys = slices.DeleteFunc(r.Keys, func(k Key) bool { return k.Hash == hash })
}

func hashKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:12])
}

// Warn adds a warning and reports whether it is a new one.
func (r *Record) Warn(text string) bool {
	if slices.Contains(r.Warnings, text) {
		return false
	}
	r.Warnings = append(r.Warnings, text)
	return true
}

// IsOurLink reports whether a link that the incident shows is this record's own, of any
// generation.
func (r *Record) IsOurLink(l Link) bool { return r.IsCurrentLink(l) || r.IsFormerLink(l) }

// IsFormerLink reports whether it is the link of a former generation.
func (r *Record) IsFormerLink(l Link) bool {
	return slices.ContainsFunc(r.FormerLinks, func(f FormerLink) bool { //mutant:former-links
		return sameMeeting(l, f.MeetingID, Link{URL: f.JoinURL, DialIn: f.DialIn})
	})
}

// IsCurrentLink reports whether it is the link of the decision.
func (r *Record) IsCurrentLink(l Link) bool {
	return r.Decision != nil && r.Decision.Provider != External &&
		sameMeeting(l, r.Decision.MeetingID, r.Decision.Link())
}

// sameMeeting compares by meeting id, because the rest of a join link may change, else by
// the whole link, or by the number of a room that has no link.
func sameMeeting(l Link, meetingID string, own Link) bool {
	if l.URL == "" {
		return own.URL == "" && l.DialIn != "" && l.DialIn == own.DialIn
	}
	if l.URL == own.URL {
		return true
	}
	u, err := url.Parse(l.URL)
	return err == nil && meetingID != "" && slices.Contains(strings.Split(u.Path, "/"), meetingID)
}

// keepFormerLink remembers the link of a decision, so that it is never taken for a
// human's.
func (r *Record) keepFormerLink(d *Decision) {
	if d == nil || d.Provider == External || r.IsFormerLink(d.Link()) {
		return
	}
	link := d.Link()
	r.FormerLinks = append(r.FormerLinks, FormerLink{MeetingID: d.MeetingID, JoinURL: link.URL, DialIn: link.DialIn})
}

// NewNonce returns 64 random bits in hex.
func NewNonce() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand.Read
	return hex.EncodeToString(b[:])
}

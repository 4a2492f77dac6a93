package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

var at = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

func newStore() *Store {
	return NewStore(tokenstore.NewMemory(), "default", KeyLife, func(context.Context, *Record, Change) {})
}

// The JSON of a record is what stores hold: changing this test means breaking them.
func TestRecordIsReadBack(t *testing.T) {
	t.Parallel()
	decision := &Decision{Provider: "zoom", MeetingID: "1", JoinURL: "https://zoom.us/j/1", DialIns: []string{"+1"}}
	r := &Record{
		IncidentID: "P1", State: StateAttached, Generation: 2, Nonce: "n",
		Lease:       Lease{Owner: "o", Until: at},
		Requested:   Requested{RequesterID: "PU", Trigger: "manual"},
		CreateSites: []CreateSite{{Provider: "zoom", Host: "h@example.com", Generation: 2}},
		Decision:    decision, Previous: &Previous{Decision: decision, OpenedAt: at},
		FormerLinks: []FormerLink{{MeetingID: "0", JoinURL: "https://zoom.us/j/0"}},
		Keys:        []Key{{Hash: "k", Generation: 1, SeenAt: at}},
		Warnings:    []string{"w"}, AuditAt: []time.Time{at}, OpenedAt: at, AttachedAt: at,
		ExpiresAt: at, LastClosedAt: at,
	}
	s := newStore()
	written, err := s.Write(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	read, err := s.Read(t.Context(), "P1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(written, read, cmpopts.IgnoreUnexported(Record{})); diff != "" {
		t.Errorf("record (-written +read):\n%s", diff)
	}
	stored, err := s.store.Get(t.Context(), "bridge/default/P1")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"format":2,"incident_id":"P1","state":"attached","generation":2,"nonce":"n","stamp":"",` +
		`"lease":{"owner":"o","until":"2026-11-23T03:00:00Z"},"requested":{"requester_id":"PU","trigger":"manual"},` +
		`"create_sites":[{"provider":"zoom","host":"h@example.com","generation":2}],` +
		`"decision":{"provider":"zoom","meeting_id":"1","join_url":"https://zoom.us/j/1","dial_ins":["+1"]},` +
		`"previous":{"decision":{"provider":"zoom","meeting_id":"1","join_url":"https://zoom.us/j/1","dial_ins":["+1"]},` +
		`"opened_at":"2026-11-23T03:00:00Z"},` +
		`"former_links":[{"meeting_id":"0","join_url":"https://zoom.us/j/0"}],` +
		`"idempotency_keys":[{"hash":"k","generation":1,"seen_at":"2026-11-23T03:00:00Z"}],"warnings":["w"],` +
		`"audit_at":["2026-11-23T03:00:00Z"],"expires_at":"2026-11-23T03:00:00Z","opened_at":"2026-11-23T03:00:00Z",` +
		`"attached_at":"2026-11-23T03:00:00Z","last_closed_at":"2026-11-23T03:00:00Z"}`
	got := string(stored.Value)
	got = got[:len(`{"format":2,"incident_id":"P1","state":"attached","generation":2,"nonce":"n","stamp":"`)] +
		got[len(`{"format":2,"incident_id":"P1","state":"attached","generation":2,"nonce":"n","stamp":"`)+16:]
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

func TestUnreadableRecordIsLeftUntouched(t *testing.T) {
	t.Parallel()
	newer, err := json.Marshal(map[string]any{"format": format + 1, "state": 7})
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string][]byte{
		"newer": newer, "older": []byte(`{"format":1,"state":"failed"}`), "corrupt": []byte("{"), "empty": nil,
		"attached without a decision": []byte(`{"format":2,"state":"attached"}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore()
			version, err := s.store.Put(t.Context(), s.key("P1"), tokenstore.Record{Value: value})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Read(t.Context(), "P1"); !errors.Is(err, ErrUnavailable) {
				t.Errorf("error %v", err)
			}
			if _, err := s.Update(t.Context(), "P1", func(*Record) bool { return true }); !errors.Is(err, ErrUnavailable) {
				t.Errorf("error %v", err)
			}
			stored, err := s.store.Get(t.Context(), s.key("P1"))
			if err != nil || stored.Version != version {
				t.Errorf("version %q, was %q, error %v", stored.Version, version, err)
			}
		})
	}
}

func TestOpenRecordIsAlwaysDue(t *testing.T) {
	t.Parallel()
	r := &Record{IncidentID: "P1"}
	steps := []struct {
		name string
		take func()
	}{
		{"claimed", func() { r.Begin(Requested{}, at); r.Lease = Lease{Owner: "o", Until: at.Add(time.Minute)} }},
		{"lease handed back", func() { r.ReleaseLease() }},
		{"failed for now", func() { r.ScheduleRetry("Zoom does not answer", false, at) }},
		{"decided", func() { r.Decide(&Decision{JoinURL: "u"}, at, 0); r.Lease = Lease{Owner: "o", Until: at} }},
		{"not published", func() { r.ReleaseLease(); r.ScheduleRetry("PagerDuty does not answer", false, at) }},
		{"attached", func() { r.Attach(at, false, nil, time.Minute, time.Hour) }},
		{"closing", func() { r.RequestClose(CloseRequested, at, time.Minute) }},
		{"ending", func() { r.StartEnding() }},
	}
	for _, step := range steps {
		step.take()
		if r.invalid != nil || !r.State.Open() || r.DueAt().IsZero() {
			t.Errorf("%s: state %s, due at %v, %v", step.name, r.State, r.DueAt(), r.invalid)
		}
	}
}

func TestKeysAreKeptForThreeDaysAndAtLeast64(t *testing.T) {
	t.Parallel()
	r := &Record{Generation: 1}
	for i := range 100 {
		r.AddKey(strconv.Itoa(i), 1, at.Add(time.Duration(i)*time.Hour))
	}
	if n := len(r.Keys); n != 73 {
		t.Errorf("%d keys, want those of the last 72 hours", n)
	}
	r.AddKey("late", 1, at.Add(1000*time.Hour))
	if n := len(r.Keys); n != minKeys {
		t.Errorf("%d keys, want %d", n, minKeys)
	}
}

func TestSameDecision(t *testing.T) {
	t.Parallel()
	meeting := Decision{Provider: "zoom", MeetingID: "1", JoinURL: "https://zoom.us/j/1?pwd=a"}
	room := Decision{Provider: "static", JoinURL: "https://meet.example.com/room"}
	tests := []struct {
		name string
		a, b Decision
		want bool
	}{
		{"itself", meeting, meeting, true},
		{"another link to the meeting", meeting, Decision{Provider: "zoom", MeetingID: "1", JoinURL: "https://zoom.us/j/1"}, true},
		{"another meeting", meeting, Decision{Provider: "zoom", MeetingID: "2", JoinURL: meeting.JoinURL}, false},
		{"another provider", meeting, Decision{Provider: "other", MeetingID: "1", JoinURL: meeting.JoinURL}, false},
		{"the same room", room, room, true},
		{"another room", room, Decision{Provider: "static", JoinURL: "https://meet.example.com/other"}, false},
	}
	for _, test := range tests {
		if got := test.a.Same(&test.b); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

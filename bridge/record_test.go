package bridge

import (
	"encoding/json"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// The JSON of a record is what stores hold: changing this test means breaking them.
func TestARecordIsReadBack(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	want := record{
		Format: recordFormat, IncidentID: "P1", State: StateAttached, Generation: 2, Nonce: "n", Stamp: "s",
		Lease: lease{Owner: "o", Until: at}, Asked: asked{RequesterID: "PU", Trigger: TriggerManual},
		Tried:  []berth{{Provider: "zoom", Host: "h@example.com", Generation: 2}},
		Call:   &decided{Provider: "zoom", MeetingID: "1", JoinURL: "https://zoom.us/j/1", DialIns: []string{"+1"}},
		Former: []former{{MeetingID: "0", JoinURL: "https://zoom.us/j/0"}}, Keys: []seen{{Key: "k", Generation: 1, At: at}},
		Warnings: []string{"w"}, AuditAt: []time.Time{at}, OpenedAt: at, AttachedAt: at, EndBy: at, OverAt: at,
	}
	value, err := want.encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeRecord(value)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestARecordThatCannotBeReadIsLeftUntouched(t *testing.T) {
	t.Parallel()
	newer, err := json.Marshal(map[string]any{"format": recordFormat + 1, "state": 7})
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string][]byte{"newer": newer, "corrupt": []byte("{"), "empty": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &ledger{store: tokenstore.NewMemory(), installation: "default", retention: keyLife}
			version, err := l.store.Put(t.Context(), l.key("P1"), tokenstore.Record{Value: value})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.read(t.Context(), "P1"); !errors.Is(err, ErrUnavailable) {
				t.Errorf("error %v", err)
			}
			if _, err := l.update(t.Context(), "P1", func(*record) error { return nil }); !errors.Is(err, ErrUnavailable) {
				t.Errorf("error %v", err)
			}
			stored, err := l.store.Get(t.Context(), l.key("P1"))
			if err != nil || stored.Version != version {
				t.Errorf("version %q, was %q, error %v", stored.Version, version, err)
			}
		})
	}
}

func TestWhatIsOpenIsAlwaysDue(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	var r record
	steps := []struct {
		name string
		take func()
	}{
		{"claimed", func() { r.begin("P1", asked{}, now); r.Lease = lease{Owner: "o", Until: now.Add(leaseFor)} }},
		{"failed for now", func() { free(&r); r.postpone(now, false) }},
		{"decided", func() { r.settle(&decided{JoinURL: "u"}, now, 0); r.Lease.Owner = "o"; r.Lease.Until = now }},
		{"not published", func() { free(&r); r.postpone(now, false) }},
		{"attached", func() { r.State, r.EndBy = StateAttached, now.Add(time.Hour) }},
		{"closing", func() { r.closing(CloseRequested, now, time.Minute) }},
	}
	for _, step := range steps {
		step.take()
		if !r.State.Open() || r.dueAt().IsZero() || !r.expiresAt(keyLife).IsZero() {
			t.Errorf("%s: state %s, due at %v, expires at %v", step.name, r.State, r.dueAt(), r.expiresAt(keyLife))
		}
	}
}

func TestKeysAreKeptForThreeDaysAndAtLeast64(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	r := record{Generation: 1}
	for i := range 100 {
		r.addKey(strconv.Itoa(i), 1, now.Add(time.Duration(i)*time.Hour))
	}
	if n := len(r.Keys); n != 73 {
		t.Errorf("%d keys, want those of the last 72 hours", n)
	}
	r.addKey("late", 1, now.Add(1000*time.Hour))
	if n := len(r.Keys); n != keepKeys {
		t.Errorf("%d keys, want %d", n, keepKeys)
	}
}

package bridge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
)

func replace(t *testing.T, p *process, req bridge.Request) *bridge.Bridge {
	t.Helper()
	b, err := p.Replace(t.Context(), req)
	if err != nil {
		t.Fatalf("replace: %v", err)
	}
	return b
}

func TestReplaceMakesAnotherMeetingOnPurpose(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p, id, former := attached(t, w)
		b := replace(t, p, bridge.Request{IncidentID: id, IdempotencyKey: "again"})
		if b.Generation != 2 || !b.Created || b.JoinURL == former.JoinURL || w.pd.Incident(id).Bridge.URL != b.JoinURL {
			t.Errorf("bridge %+v, was %q", b, former.JoinURL)
		}
		if again := replace(t, p, bridge.Request{IncidentID: id, IdempotencyKey: "again"}); again.Generation != 2 {
			t.Errorf("the same delivery made generation %d", again.Generation)
		}
		pass(5 * time.Minute)
		w.oneMeeting(t, id)
	})
}

func TestAReplacedMeetingIsRemovedOnceItIsOver(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p, id, former := attached(t, w)
		if err := w.zoom.Join(former.ID, "Ada"); err != nil {
			t.Fatal(err)
		}
		replace(t, p, bridge.Request{IncidentID: id})
		pass(time.Hour)
		notes := w.pd.Incident(id).Notes
		if len(w.meetings()) != 2 || len(notes) != 1 || !strings.Contains(notes[0].Content, "another meeting") {
			t.Errorf("%d meetings, notes %+v, want both and one note", len(w.meetings()), notes)
		}
		if err := w.zoom.Leave(former.ID, "Ada"); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Minute)
		w.oneMeeting(t, id)
	})
}

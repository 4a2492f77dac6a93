package pagerduty_test

import (
	"errors"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

func TestAddNoteIsSentOnce(t *testing.T) {
	t.Parallel()
	inDoubt := []error{pagerduty.ErrInDoubt, pagerduty.ErrUnavailable}
	tests := []struct {
		name  string
		fault pagerdutytest.Fault
		notes int
		is    []error
		isNot []error
	}{
		{"no fault", pagerdutytest.Delay(time.Second), 1, nil, nil},
		{"lost before", pagerdutytest.ResetBefore(), 0, inDoubt, nil},
		{"answer lost", pagerdutytest.ResetAfter(), 1, inDoubt, nil},
		{"answer cut", pagerdutytest.Truncate(), 1, inDoubt, nil},
		{"hangs", pagerdutytest.Hang(), 0, inDoubt, nil},
		{"late", pagerdutytest.Late(5 * time.Second), 1, inDoubt, nil},
		{"500", pagerdutytest.Mask(500, pagerdutytest.ErrorBody(2000, "Internal")), 1, inDoubt, nil},
		{"408", pagerdutytest.Answer(408, ""), 0, inDoubt, nil},
		{"a page for an answer", pagerdutytest.Mask(200, pagerdutytest.HTMLPage), 1, inDoubt, nil},
		{"an answer of something else", pagerdutytest.Mask(200, `{"ok":true}`), 1, inDoubt, nil},
		{"429", silent429(), 0, []error{pagerduty.ErrRateLimited}, inDoubt},
		{
			"too many notes", pagerdutytest.Answer(400, pagerdutytest.ErrorBody(2019, "Product limit reached")), 0,
			[]error{pagerduty.ErrLimit},
			inDoubt,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := pagerdutytest.New()
				id := fake.AddIncident("down")
				fake.Fault(pagerdutytest.AddNote, tt.fault)
				err := newClient(t, fake).AddNote(t.Context(), id, "A call is open.")
				if tt.is == nil && err != nil {
					t.Errorf("error %v, want none", err)
				}
				checkError(t, err, tt.is, tt.isNot)
				if got := len(fake.Requests()); got != 1 {
					t.Errorf("%d calls, want 1", got)
				}
				if got := len(fake.Incident(id).Notes); got != tt.notes {
					t.Errorf("%d notes, want %d", got, tt.notes)
				}
			})
		})
	}
}

func TestAddNoteIsSentAgainWhenItNeverLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := pagerdutytest.New()
		id := fake.AddIncident("down")
		dials := 0
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			dials++
			if dials == 1 {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
			}
			return fake.Transport().RoundTrip(r)
		})
		client := newClient(t, fake, pagerduty.WithTransport(transport))
		if err := client.AddNote(t.Context(), id, "A call is open."); err != nil {
			t.Fatal(err)
		}
		if got := len(fake.Incident(id).Notes); got != 1 || dials != 2 {
			t.Errorf("%d notes after %d dials, want 1 after 2", got, dials)
		}
	})
}

func TestAddNoteThatNeverLeftIsNotInDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := pagerdutytest.New()
		down := roundTripper(func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		})
		err := newClient(t, fake, pagerduty.WithTransport(down)).AddNote(t.Context(), "P1", "A call is open.")
		checkError(t, err, []error{pagerduty.ErrUnavailable, syscall.ECONNREFUSED}, []error{pagerduty.ErrInDoubt})
	})
}

func TestAddNoteRefusesAnEmptyOne(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	for _, content := range []string{"", " \n"} {
		if err := newClient(t, fake).AddNote(t.Context(), "P1", content); !errors.Is(err, pagerduty.ErrInvalid) {
			t.Errorf("note %q: error %v, want ErrInvalid", content, err)
		}
	}
	if calls := fake.Requests(); len(calls) > 0 {
		t.Errorf("%d calls, want none", len(calls))
	}
}

func TestNotesAreListedBeforeOneIsRepeated(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down")
	client := newClient(t, fake)
	if notes, err := client.Notes(t.Context(), id); err != nil || notes != nil {
		t.Errorf("notes %v, %v; want none", notes, err)
	}
	fake.Fault(pagerdutytest.AddNote, pagerdutytest.ResetAfter())
	if err := client.AddNote(t.Context(), id, "A call is open."); !errors.Is(err, pagerduty.ErrInDoubt) {
		t.Fatalf("error %v, want doubt", err)
	}
	notes, err := client.Notes(t.Context(), id)
	if err != nil || len(notes) != 1 {
		t.Fatalf("notes %v, %v; want the one that is in doubt", notes, err)
	}
	got := notes[0]
	if got.Content != "A call is open." || got.User.Summary != fake.From() || got.ID == "" || got.CreatedAt.IsZero() {
		t.Errorf("note %+v, want ours by %s", got, fake.From())
	}
}

func TestNotesRefusesAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	client := newClient(t, fake)
	fake.Fault(pagerdutytest.ListNotes, pagerdutytest.Answer(200, `{}`))
	if _, err := client.Notes(t.Context(), "P1"); !errors.Is(err, pagerduty.ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
	if _, err := client.Notes(t.Context(), "../x"); !errors.Is(err, pagerduty.ErrInvalid) {
		t.Errorf("error %v, want ErrInvalid", err)
	}
	fake.Fault(pagerdutytest.ListNotes, pagerdutytest.Answer(200, `{"notes":[null,{"id":7,"content":null,"user":null}]}`))
	notes, err := client.Notes(t.Context(), "P1")
	if err != nil || len(notes) != 1 || notes[0].ID != "7" || notes[0].User != nil {
		t.Errorf("notes %v, %v; want the one that is an object", notes, err)
	}
}

package zoom_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func TestMeetingsReadsAllPages(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host, "other@example.com"), zoomtest.WithDailyLimit(1000))
	client := newClient(t, fake)
	agenda := strings.Repeat("é", 300)
	var want []string
	for i := range 601 {
		topic := fmt.Sprintf("meeting %d", i)
		request := zoom.MeetingRequest{Topic: topic, Agenda: agenda}
		if i == 5 {
			request.Type = zoom.TypeInstant // never listed
		} else {
			want = append(want, topic)
		}
		if _, err := client.CreateMeeting(t.Context(), host, request); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for meeting, err := range client.Meetings(t.Context(), host) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, meeting.Topic)
		if want := agenda[:2*250]; meeting.Agenda != want {
			t.Fatalf("agenda has %d bytes, want the first 250 characters", len(meeting.Agenda))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("topics (-want +got):\n%s", diff)
	}
	var queries []url.Values
	for _, request := range fake.Requests(zoomtest.ListMeetings) {
		queries = append(queries, request.Query)
	}
	wantQueries := []url.Values{
		{"type": {"scheduled"}, "page_size": {"300"}},
		{"type": {"scheduled"}, "page_size": {"300"}, "next_page_token": {"zoomtest-page-300"}},
	}
	if diff := cmp.Diff(wantQueries, queries); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
}

func TestMeetingsStopsWhenTheLoopDoes(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	client := newClient(t, fake)
	mustCreate(t, client)
	mustCreate(t, client)
	seen := 0
	for _, err := range client.Meetings(t.Context(), host) {
		if err != nil {
			t.Fatal(err)
		}
		seen++
		break
	}
	if seen != 1 {
		t.Errorf("saw %d meetings, want 1", seen)
	}
}

// A caller that looks for a lost meeting makes another one when the list says there is
// none.
func TestMeetingsNeverTakesAnotherAnswerForAnEmptyList(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"success without a list": `{"code":0,"error_message":"success"}`,
		"empty":                  ``,
		"null":                   `null`,
		"HTML":                   `<html>Welcome</html>`,
		"the same page again":    `{"meetings":[],"next_page_token":"again"}`,
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := zoomtest.New(zoomtest.WithUsers(host))
			fake.Fault(zoomtest.ListMeetings, zoomtest.Answer(200, body).Always())
			var last error
			for meeting, err := range newClient(t, fake).Meetings(t.Context(), host) {
				if meeting != nil {
					t.Errorf("got %v", meeting)
				}
				last = err
			}
			if diff := cmp.Diff([]string{"ErrUnavailable"}, reasons(last)); diff != "" {
				t.Errorf("%v (-want +got):\n%s", last, diff)
			}
		})
	}
}

func TestMeetingsErrorOnALaterPageEndsTheSequence(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	fake.Fault(zoomtest.ListMeetings,
		zoomtest.Answer(200, `{"meetings":[{"id":"5"},{"id":null},7,{"id":6}],"next_page_token":"2"}`),
		zoomtest.Answer(400, `{"code":300,"message":"The next page token is invalid or expired."}`))
	var ids []int64
	var errs []error
	for meeting, err := range newClient(t, fake).Meetings(t.Context(), host) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		ids = append(ids, meeting.ID)
	}
	if diff := cmp.Diff([]int64{5, 6}, ids); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	if len(errs) != 1 || reasons(errs[0])[0] != "ErrInvalid" {
		t.Errorf("errors %v, want one ErrInvalid", errs)
	}
}

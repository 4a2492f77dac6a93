package zoom_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func TestUser(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New()
	id := fake.AddUser(host, func(u *zoomtest.User) { u.Role, u.UsePMI = "Admin", true })
	fake.AddUser("free@example.com", func(u *zoomtest.User) { u.Unlicensed = true })
	client := newClient(t, fake)
	want := &zoom.User{
		ID: id, AccountID: "ACCOUNT", Email: host, Name: host, Type: zoom.UserLicensed, Role: "Admin", RoleID: "1", Status: "active",
		PersonalID: "5550000000", UsePMI: new(true), Cluster: "us04",
	}
	for _, name := range []string{host, id} {
		got, err := client.User(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if free, err := client.User(t.Context(), "free@example.com"); err != nil || free.Type != zoom.UserBasic {
		t.Errorf("a user without licence: %+v, %v", free, err)
	}
	_, err := client.User(t.Context(), "nobody@example.com")
	if diff := cmp.Diff([]string{"ErrHost"}, reasons(err)); diff != "" {
		t.Errorf("nobody: %v (-want +got):\n%s", err, diff)
	}
}

func TestUserSettings(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New()
	fake.AddUser(host, func(u *zoomtest.User) {
		u.Concurrent, u.NoPhoneKey, u.TollFree = "Plus", true, true
		u.Locked = map[string]any{"waiting_room": true}
	})
	client := newClient(t, fake)
	got, err := client.UserSettings(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	want := &zoom.UserSettings{
		ConcurrentMeeting: "Plus",
		JoinBeforeHost:    new(false), WaitingRoom: new(true), UsePMI: new(false), UsePMIForInstant: new(false),
		PhonePasscode: new(false), PasscodeInLink: new(true), RequirePasscode: new(true), Audio: "both",
		TollNumbers: new(true), TollFreeNumbers: new(true),
		DialInCountries: []string{"US"}, AllowedCountries: []string{"US"}, ThirdPartyAudio: new(false),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if request := fake.Requests(zoomtest.GetUserSettings)[0]; len(request.Query) > 0 {
		t.Errorf("asked with %v, which changes the shape of the answer", request.Query)
	}
}

// Every read takes what it understands of an answer, and never takes another answer for
// its own.
func TestReadsAreLenient(t *testing.T) {
	t.Parallel()
	reads := map[string]func(*testing.T, *zoom.Client) (any, error){
		zoomtest.GetUser:         func(t *testing.T, c *zoom.Client) (any, error) { return c.User(t.Context(), zoom.Me) },
		zoomtest.GetUserSettings: func(t *testing.T, c *zoom.Client) (any, error) { return c.UserSettings(t.Context(), host) },
		zoomtest.GetPastMeeting:  func(t *testing.T, c *zoom.Client) (any, error) { return c.PastMeeting(t.Context(), "aa==") },
		zoomtest.GetInvitation:   func(t *testing.T, c *zoom.Client) (any, error) { return c.Invitation(t.Context(), 1) },
	}
	tests := []struct {
		op, name, body string
		want           any // nil: ErrUnavailable
	}{
		{
			zoomtest.GetUser, "odd", `{"id":7,"type":"99","pmi":"12","use_pmi":"x","role_name":null,"new":[{}]}`,
			&zoom.User{ID: "7", Type: zoom.UserNone, PersonalID: "12"},
		},
		{zoomtest.GetUser, "no user", `{"code":0,"error_message":"success"}`, nil},
		{zoomtest.GetUser, "null", `null`, nil},
		{
			zoomtest.GetUserSettings, "odd",
			`{"feature":null,"schedule_meeting":{"join_before_host":"true","audio_type":null},"in_meeting":[],
			"audio_conferencing":{"toll_call":true,"global_dial_in_countries":{"selected_countries":[null,{"code":"DE"},{}]}}}`,
			&zoom.UserSettings{JoinBeforeHost: new(true), DialInCountries: []string{"DE"}},
		},
		{zoomtest.GetUserSettings, "of another option", `{"meeting_security":{}}`, nil},
		{
			zoomtest.GetPastMeeting, "odd", `{"uuid":"aa==","id":"12","participants_count":"3","duration":-5,"end_time":{}}`,
			&zoom.PastMeeting{UUID: "aa==", MeetingID: 12, Participants: 3},
		},
		{zoomtest.GetPastMeeting, "empty", `{}`, nil},
		{
			zoomtest.GetInvitation, "odd", `{"invitation":"Come","sip_links":[null,"sip:1@example.com",{}]}`,
			&zoom.Invitation{Text: "Come", SIPLinks: []zoom.Secret{"sip:1@example.com"}},
		},
		{zoomtest.GetInvitation, "empty", `{"invitation":null}`, nil},
	}
	for _, test := range tests {
		t.Run(test.op+"/"+test.name, func(t *testing.T) {
			t.Parallel()
			fake := zoomtest.New()
			fake.Fault(test.op, zoomtest.Answer(200, test.body))
			got, err := reads[test.op](t, newClient(t, fake))
			if test.want == nil {
				if diff := cmp.Diff([]string{"ErrUnavailable"}, reasons(err)); diff != "" {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
				return
			}
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestInvitationIsSecret(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	client := newClient(t, fake)
	made := mustCreate(t, client)
	invitation, err := client.Invitation(t.Context(), made.ID)
	if err != nil {
		t.Fatal(err)
	}
	oneTap := fmt.Sprintf("+12025550143,,%d#,,,,*%s#", made.ID, string(made.PhonePassword))
	for _, part := range []string{made.JoinURL, oneTap, "\r\n"} {
		if !strings.Contains(string(invitation.Text), part) {
			t.Errorf("the invitation lacks %q", part)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, *invitation); strings.Contains(text, "zoom.us") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}

// The second session's UUID begins with two slashes.
func TestPastMeetingFindsEverySession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := zoomtest.New(zoomtest.WithUsers(host))
		client := newClient(t, fake)
		mustCreate(t, client)
		var uuids []string
		for range 2 {
			id := fake.Meetings()[0].ID
			begin := time.Now()
			for _, name := range []string{"Ada", "Ben"} {
				if err := fake.Join(id, name); err != nil {
					t.Fatal(err)
				}
			}
			<-time.After(90 * time.Minute)
			uuid := fake.Meetings()[0].UUID
			if _, err := client.PastMeeting(t.Context(), uuid); !cmp.Equal(reasons(err), []string{"ErrNotFound"}) {
				t.Errorf("while it is running: %v", err)
			}
			if err := fake.End(id); err != nil {
				t.Fatal(err)
			}
			got, err := client.PastMeeting(t.Context(), uuid)
			want := &zoom.PastMeeting{
				MeetingID: id, UUID: uuid, HostID: "zoomtest-user-1", Topic: "#7 Checkout is down",
				StartTime: begin.UTC(), EndTime: begin.Add(90 * time.Minute).UTC(), Duration: 90 * time.Minute, Participants: 2,
			}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			uuids = append(uuids, uuid)
		}
		if uuids[0] == uuids[1] || !strings.HasPrefix(uuids[1], "//") {
			t.Errorf("UUIDs %q, want two, the second with slashes", uuids)
		}
		<-time.After(366 * 24 * time.Hour)
		_, err := client.PastMeeting(t.Context(), uuids[1])
		if diff := cmp.Diff([]string{"ErrNotFound"}, reasons(err)); diff != "" {
			t.Errorf("a year later: %v (-want +got):\n%s", err, diff)
		}
	})
}

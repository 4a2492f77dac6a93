package zoom_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// One alternative host who may not be one makes Zoom refuse the whole create; a semicolon
// in a name is caught here.
func TestAlternativeHosts(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host, "b@example.com"))
	fake.AddUser("free@example.com", func(u *zoomtest.User) { u.Unlicensed = true })
	client := newClient(t, fake)
	tests := []struct {
		name  string
		hosts []string
		want  []string
		sent  int
	}{
		{"two", []string{host, "b@example.com"}, nil, 1},
		{"unknown", []string{host, "nobody@example.com"}, []string{"ErrInvalid"}, 1},
		{"without a licence", []string{"free@example.com"}, []string{"ErrInvalid"}, 1},
		{"a list in one", []string{"a@example.com;b@example.com"}, []string{"ErrInvalid"}, 0},
		{"empty", []string{""}, []string{"ErrInvalid"}, 0},
	}
	for _, test := range tests {
		before := len(fake.Requests(zoomtest.CreateMeeting))
		request := incident()
		request.Settings.AlternativeHosts = test.hosts
		meeting, err := client.CreateMeeting(t.Context(), host, request)
		if diff := cmp.Diff(test.want, reasons(err)); diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", test.name, err, diff)
		}
		if sent := len(fake.Requests(zoomtest.CreateMeeting)) - before; sent != test.sent {
			t.Errorf("%s: %d creates were sent, want %d", test.name, sent, test.sent)
		}
		if err == nil && !cmp.Equal(meeting.Settings.AlternativeHosts, test.hosts) {
			t.Errorf("%s: read back %q", test.name, meeting.Settings.AlternativeHosts)
		}
	}
}

// Lists leave tracking fields out, and so a marker in them would not be found.
func TestTrackingFieldsAreInReadsAndNotInLists(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	client := newClient(t, fake)
	request := incident()
	request.TrackingFields = []zoom.TrackingField{{Field: "incident", Value: "PABC123"}}
	made, err := client.CreateMeeting(t.Context(), host, request)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(request.TrackingFields, made.TrackingFields); diff != "" {
		t.Errorf("in the answer (-want +got):\n%s", diff)
	}
	for listed, err := range client.Meetings(t.Context(), host) {
		if err != nil {
			t.Fatal(err)
		}
		if len(listed.TrackingFields) > 0 || listed.Agenda != "marker" {
			t.Errorf("listed with %v and agenda %q, want the agenda alone", listed.TrackingFields, listed.Agenda)
		}
	}
}

// An instant meeting is what an incident must not have: nobody gets in before the host,
// and no list finds it.
func TestInstantMeetingsAreNotForIncidents(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	client := newClient(t, fake)
	request := incident()
	request.Type = zoom.TypeInstant
	made, err := client.CreateMeeting(t.Context(), host, request)
	if err != nil {
		t.Fatal(err)
	}
	if *made.Settings.JoinBeforeHost {
		t.Error("somebody gets in before the host")
	}
	for listed, err := range client.Meetings(t.Context(), host) {
		t.Errorf("listed: %v, %v", listed, err)
	}
	if got := mustCreate(t, client); got.Type != zoom.TypeScheduled || !*got.Settings.JoinBeforeHost {
		t.Errorf("by default type %d, join before host %t", got.Type, *got.Settings.JoinBeforeHost)
	}
}

// The list of numbers may be empty for several reasons: then the link is the only way in.
func TestNoDialInIsANormalCase(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*zoomtest.User, *zoom.MeetingSettings){
		"no audio plan": func(u *zoomtest.User, _ *zoom.MeetingSettings) { u.NoDialIn = true },
		"end-to-end":    func(_ *zoomtest.User, s *zoom.MeetingSettings) { s.EncryptionType = "e2ee" },
		"voip only":     func(_ *zoomtest.User, s *zoom.MeetingSettings) { s.Audio = "voip" },
		"no country":    func(_ *zoomtest.User, s *zoom.MeetingSettings) { s.GlobalDialInCountries = []string{"XX"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request, fake := incident(), zoomtest.New()
			fake.AddUser(host, func(u *zoomtest.User) { change(u, &request.Settings) })
			made, err := newClient(t, fake).CreateMeeting(t.Context(), host, request)
			if err != nil {
				t.Fatal(err)
			}
			if len(made.Settings.GlobalDialInNumbers) > 0 || made.JoinURL == "" {
				t.Errorf("numbers %v and link %t, want the link alone", made.Settings.GlobalDialInNumbers, made.JoinURL != "")
			}
		})
	}
}

// The phone passcode is another one than the passcode: the first opens the door to a
// phone.
func TestPhonePasscodeIsNotThePasscode(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	request := incident()
	request.Password = "Aa!9"
	made, err := newClient(t, fake).CreateMeeting(t.Context(), host, request)
	if err != nil {
		t.Fatal(err)
	}
	if made.Password != "Aa!9" || made.PhonePassword == "" || made.PhonePassword == made.Password {
		t.Errorf("passcode right %t, phone passcode there %t and its own %t",
			made.Password == "Aa!9", made.PhonePassword != "", made.PhonePassword != made.Password)
	}
}

// An unused meeting of type 2 may be asked for with a time in the past: that means now.
func TestPastStartTimeMeansNow(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	request := incident()
	request.StartTime = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	made, err := newClient(t, fake).CreateMeeting(t.Context(), host, request)
	if err != nil {
		t.Fatal(err)
	}
	if !made.StartTime.Equal(made.CreatedAt) {
		t.Errorf("starts at %s, made at %s", made.StartTime, made.CreatedAt)
	}
}

// End-to-end encryption costs the cloud recording too, and nothing but the answer tells.
func TestEndToEndEncryptionHasNoCloudRecording(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	request := incident()
	request.Settings.EncryptionType, request.Settings.AutoRecording = "e2ee", "cloud"
	made, err := newClient(t, fake).CreateMeeting(t.Context(), host, request)
	if err != nil {
		t.Fatal(err)
	}
	if made.Settings.AutoRecording != "none" {
		t.Errorf("recording %q, want none", made.Settings.AutoRecording)
	}
}

// The scope of a token answer may be missing or lag behind: Zoom itself says what is
// lacking, when it is.
func TestScopesOfATokenAreNotBelieved(t *testing.T) {
	t.Parallel()
	for _, scope := range []string{``, `,"scope":null`, `,"scope":""`, `,"scope":"user:read:user"`} {
		fake := zoomtest.New(zoomtest.WithUsers(host))
		fake.Fault(zoomtest.GiveToken, zoomtest.Answer(200, `{"access_token":"t","expires_in":3599`+scope+`}`))
		fake.Fault(zoomtest.GetUser, zoomtest.Answer(200, `{"id":"x"}`))
		if _, err := newClient(t, fake).User(t.Context(), host); err != nil {
			t.Errorf("%s: %v", scope, err)
		}
	}
}

// URLs are logged, by us and by others.
func TestNoTokenIsInAURL(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	client := newClient(t, fake)
	mustCreate(t, client)
	meeting := held(t, fake)
	for _, call := range matrixCalls() {
		if err := call.call(t.Context(), client, meeting); err != nil && call.op != zoomtest.GetInvitation && call.op != zoomtest.GetPastMeeting {
			t.Errorf("%s: %v", call.op, err)
		}
	}
	_, _, secret := fake.AccountCredentials()
	bearer := strings.TrimPrefix(fake.Requests(zoomtest.CreateMeeting)[0].Header.Get("Authorization"), "Bearer ")
	for _, request := range fake.Requests() {
		url := request.Path + "?" + request.Query.Encode()
		if strings.Contains(url, bearer) || strings.Contains(url, secret) {
			t.Errorf("%s went to %s", request.Op, url)
		}
	}
}

// Zoom has changed its texts, and the numbers stay.
func TestErrorsAreKnownByTheirNumber(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New()
	client := newClient(t, fake)
	for _, text := range []string{"", "Utilisateur inconnu.", "Meeting does not exist."} {
		fake.Fault(zoomtest.GetUser, zoomtest.Answer(404, zoomtest.ErrorBody(1001, text)))
		_, err := client.User(t.Context(), host)
		if diff := cmp.Diff([]string{"ErrHost"}, reasons(err)); diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", text, err, diff)
		}
	}
}

// net/http drops Authorization between two hosts, and Zoom sends from one to another.
func TestRedirectToARegionalHostKeepsTheToken(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"https://api-eu.zoom.us/v2/users/me":       true,
		"https://api.zoomgov.com/v2/users/me":      true,
		"http://api-eu.zoom.us/v2/users/me":        false,
		"https://zoom.us.evil.example/v2/users/me": false,
	}
	for target, followed := range tests {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			fake := zoomtest.New(zoomtest.WithUsers(host))
			fake.Fault(zoomtest.GetUser, zoomtest.Answer(307, "").Header("Location", target))
			fake.Fault(zoomtest.GetUser, zoomtest.Answer(200, `{"id":"x"}`))
			_, err := newClient(t, fake).User(t.Context(), host)
			if (err == nil) != followed {
				t.Errorf("got %v, want it followed %t", err, followed)
			}
			requests := fake.Requests(zoomtest.GetUser)
			if last := requests[len(requests)-1]; (len(requests) == 2) != followed || last.Header.Get("Authorization") == "" {
				t.Errorf("%d requests, the last with Authorization %t", len(requests), last.Header.Get("Authorization") != "")
			}
		})
	}
}

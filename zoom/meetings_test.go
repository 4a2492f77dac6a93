package zoom_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func TestHostBecomesOnePathSegment(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"ada+oncall@example.com": "/v2/users/ada+oncall@example.com/meetings",
		"a/../b?x=1#y":           "/v2/users/a%2F..%2Fb%3Fx=1%23y/meetings",
		"zoë@example.com":        "/v2/users/zo%C3%AB@example.com/meetings",
		"%2e%2e":                 "/v2/users/%252e%252e/meetings",
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := zoomtest.New(zoomtest.WithUsers(name))
			client := newClient(t, fake)
			if _, err := client.CreateMeeting(t.Context(), name, incident()); err != nil {
				t.Fatal(err)
			}
			for _, err := range client.Meetings(t.Context(), name) {
				if err != nil {
					t.Fatal(err)
				}
			}
			for _, request := range fake.Requests(zoomtest.CreateMeeting, zoomtest.ListMeetings) {
				if request.Path != want {
					t.Errorf("%s went to %q, want %q", request.Op, request.Path, want)
				}
			}
		})
	}
}

func TestBadArgumentsReachNobody(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	client, ctx := newClient(t, fake), t.Context()
	create := func(host string, request zoom.MeetingRequest) error {
		_, err := client.CreateMeeting(ctx, host, request)
		return err
	}
	read := func(id int64) error {
		_, err := client.Meeting(ctx, id)
		return err
	}
	list := func(host string) (last error) {
		for _, err := range client.Meetings(ctx, host) {
			last = err
		}
		return last
	}
	for name, err := range map[string]error{
		"create without host":    create("", incident()),
		"create one path up":     create("..", incident()),
		"create in place":        create(".", incident()),
		"create line break":      create("a\r\nX: y", incident()),
		"create negative length": create(host, zoom.MeetingRequest{Duration: -time.Minute}),
		"list one path up":       list(".."),
		"get zero":               read(0),
		"end negative":           client.EndMeeting(ctx, -1),
		"delete zero":            client.DeleteMeeting(ctx, 0),
		"update zero":            client.UpdateMeeting(ctx, 0, incident()),
		"update negative length": client.UpdateMeeting(ctx, 1, zoom.MeetingRequest{Duration: -time.Minute}),
		"invitation to zero":     second(client.Invitation(ctx, 0)),
		"user one path up":       second(client.User(ctx, "..")),
		"settings of nobody":     second(client.UserSettings(ctx, "")),
		"past meeting of a path": second(client.PastMeeting(ctx, "../users")),
	} {
		if diff := cmp.Diff([]string{"ErrInvalid"}, reasons(err)); diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
		asError(t, err)
	}
	if sent := fake.Requests(); len(sent) > 0 {
		t.Errorf("%d requests were sent, the first to %s", len(sent), sent[0].Path)
	}
}

// second is the error of a call that gives something else too.
func second[T any](_ T, err error) error { return err }

func TestMeeting(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	client := newClient(t, fake)
	made := mustCreate(t, client)
	if err := fake.Join(made.ID, "Ada"); err != nil {
		t.Fatal(err)
	}
	got, err := client.Meeting(t.Context(), made.ID)
	if err != nil {
		t.Fatal(err)
	}
	made.Status = zoom.StatusStarted
	if diff := cmp.Diff(made, got); diff != "" {
		t.Errorf("meeting (-want +got):\n%s", diff)
	}
	if err := client.EndMeeting(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	if err := client.DeleteMeeting(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	_, err = client.Meeting(t.Context(), made.ID)
	if diff := cmp.Diff([]string{"ErrNotFound"}, reasons(err)); diff != "" {
		t.Errorf("after the delete: %v (-want +got):\n%s", err, diff)
	}
}

func TestEndAndDelete(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		answer zoomtest.Fault
		end    []string
		delete []string
	}{
		{"done", zoomtest.Answer(204, ""), nil, nil},
		{"gone", zoomtest.Answer(404, `{"code":3001,"message":"Meeting does not exist."}`), nil, nil},
		{
			"running", zoomtest.Answer(400, `{"code":3002,"message":"In progress."}`),
			[]string{"ErrMeetingInProgress"},
			[]string{"ErrMeetingInProgress"},
		},
		{"over", zoomtest.Answer(400, `{"code":3007,"message":"Ended."}`), []string{"none"}, nil},
		{"no route", zoomtest.Answer(404, `{"code":1500,"message":"?"}`), []string{"none"}, []string{"none"}},
		{"a 404 of somebody else", zoomtest.Answer(404, `<html>`), []string{"none"}, []string{"none"}},
		{
			"no scope", zoomtest.Answer(400, `{"code":4711,"message":"does not contain scopes:[a:b]"}`),
			[]string{"ErrMissingScopes"},
			[]string{"ErrMissingScopes"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			fake := zoomtest.New()
			client := newClient(t, fake)
			fake.Fault(zoomtest.EndMeeting, test.answer)
			fake.Fault(zoomtest.DeleteMeeting, test.answer)
			check := func(call string, err error, want []string) {
				got := reasons(err)
				if err != nil && got == nil {
					got = []string{"none"}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: %v (-want +got):\n%s", call, err, diff)
				}
			}
			check("end", client.EndMeeting(t.Context(), 85746065), test.end)
			check("delete", client.DeleteMeeting(t.Context(), 85746065), test.delete)
			end := fake.Requests(zoomtest.EndMeeting)[0]
			if end.Path != "/v2/meetings/85746065/status" || string(end.Body) != `{"action":"end"}` {
				t.Errorf("end went to %s with %s", end.Path, end.Body)
			}
		})
	}
}

// A running meeting is refused until it was ended, as it happens at Zoom.
func TestDeleteAfterEnd(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	client, ctx := newClient(t, fake), t.Context()
	id := mustCreate(t, client).ID
	if err := fake.Join(id, "Ada"); err != nil {
		t.Fatal(err)
	}
	if got := reasons(client.DeleteMeeting(ctx, id)); !cmp.Equal(got, []string{"ErrMeetingInProgress"}) {
		t.Errorf("delete while Ada is inside: %v", got)
	}
	for _, step := range []func() error{
		func() error { return client.EndMeeting(ctx, id) },
		func() error { return client.EndMeeting(ctx, id) },
		func() error { return client.DeleteMeeting(ctx, id) },
		func() error { return client.DeleteMeeting(ctx, id) },
		func() error { return client.EndMeeting(ctx, id) },
	} {
		if err := step(); err != nil {
			t.Error(err)
		}
	}
	if made := fake.Meetings()[0]; !made.Deleted || !made.Ended {
		t.Errorf("deleted %t, ended %t, want both", made.Deleted, made.Ended)
	}
}

func TestOddAnswersStillDecode(t *testing.T) {
	t.Parallel()
	const body = `{"id":"92674392836","uuid":7,"type":"2","pmi":123,"duration":"60","start_time":"","created_at":1795417200000,
		"status":null,"join_url":"https://zoom.us/j/1","start_url":"https://zoom.us/s/1","password":123456,"agenda":{},
		"tracking_fields":"none","new_field":[[]],
		"settings":{"join_before_host":"true","jbh_time":"5","waiting_room":null,"use_pmi":0,"audio":"holographic",
		"approval_type":null,"global_dial_in_countries":["US",null,3],
		"global_dial_in_numbers":[null,{"number":"+1 202 555 0143","city":null,"type":"video"},"x"]}}`
	fake := zoomtest.New()
	fake.Fault(zoomtest.GetMeeting, zoomtest.Answer(200, body))
	got, err := newClient(t, fake).Meeting(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := &zoom.Meeting{
		ID: 92674392836, UUID: "7", Type: 2, PersonalID: "123", Duration: time.Hour,
		CreatedAt: time.UnixMilli(1795417200000).UTC(),
		JoinURL:   "https://zoom.us/j/1", Password: "123456",
		Settings: zoom.MeetingSettings{
			JoinBeforeHost: new(true), JBHTime: new(5), UsePMI: new(false), Audio: "holographic",
			GlobalDialInCountries: []string{"US", "3"},
			GlobalDialInNumbers:   []zoom.DialInNumber{{Number: "+1 202 555 0143", Type: "video"}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("meeting (-want +got):\n%s", diff)
	}
}

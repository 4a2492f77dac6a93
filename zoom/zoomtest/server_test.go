package zoomtest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

const host = "host@example.com"

// caller sends plain requests, as any program would.
type caller struct {
	http          *http.Client
	api, oauth    string
	authorization string
}

func newCaller(t *testing.T, fake *zoomtest.Server) *caller {
	t.Helper()
	c := &caller{
		http: &http.Client{Transport: fake.Transport()},
		api:  "https://api.zoom.us/v2", oauth: "https://zoom.us/oauth",
	}
	c.authorize(t, fake)
	return c
}

func newSocketCaller(t *testing.T, fake *zoomtest.Server) *caller {
	t.Helper()
	c := &caller{http: &http.Client{Transport: &http.Transport{}}, api: fake.URL() + "/v2", oauth: fake.URL() + "/oauth"}
	t.Cleanup(fake.Close)
	c.authorize(t, fake)
	return c
}

func (c *caller) authorize(t *testing.T, fake *zoomtest.Server) {
	t.Helper()
	account, id, secret := fake.AccountCredentials()
	body := "grant_type=account_credentials&account_id=" + account
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.oauth+"/token", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(id, secret)
	status, answer, err := c.send(request)
	if err != nil || status != http.StatusOK {
		t.Fatalf("token: %d, %v", status, err)
	}
	token, _ := answer["access_token"].(string)
	c.authorization = "Bearer " + token
}

func (c *caller) send(request *http.Request) (int, map[string]any, error) {
	resp, err := c.http.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || len(body) == 0 {
		return resp.StatusCode, nil, err
	}
	var answer map[string]any
	err = json.Unmarshal(body, &answer)
	return resp.StatusCode, answer, err
}

func (c *caller) call(ctx context.Context, t *testing.T, method, path, body string) (int, map[string]any, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, c.api+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", c.authorization)
	return c.send(request)
}

// must makes a call that gets an answer.
func (c *caller) must(t *testing.T, method, path, body string) (int, map[string]any) {
	t.Helper()
	status, answer, err := c.call(t.Context(), t, method, path, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return status, answer
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	fake.AddUser("pending@example.com", func(u *zoomtest.User) { u.Pending = true })
	fake.AddUser("foreign@example.com", func(u *zoomtest.User) { u.OtherAccount = true })
	fake.AddUser("free@example.com", func(u *zoomtest.User) { u.Unlicensed = true })
	client := newCaller(t, fake)
	tests := []struct {
		name, method, path, body string
		status, code             int
	}{
		{"unknown host", "POST", "/users/nobody@example.com/meetings", `{}`, 404, 1001},
		{"me", "POST", "/users/me/meetings", `{}`, 404, 1001},
		{"pending host", "POST", "/users/pending@example.com/meetings", `{}`, 400, 1120},
		{"foreign host", "POST", "/users/foreign@example.com/meetings", `{}`, 400, 1010},
		{"no licence", "POST", "/users/free@example.com/meetings", `{}`, 400, 3161},
		{"no JSON", "POST", "/users/host@example.com/meetings", `topic`, 400, 300},
		{"offset", "POST", "/users/host@example.com/meetings", `{"start_time":"2026-11-23T08:00:00+01:00"}`, 400, 300},
		{"fraction", "POST", "/users/host@example.com/meetings", `{"start_time":"2026-11-23T08:00:00.5"}`, 400, 300},
		{"endless", "POST", "/users/host@example.com/meetings", `{"duration":1441}`, 400, 300},
		{"wordy", "POST", "/users/host@example.com/meetings", `{"topic":"` + strings.Repeat("x", 201) + `"}`, 400, 300},
		{"jbh_time", "POST", "/users/host@example.com/meetings", `{"settings":{"jbh_time":7}}`, 400, 300},
		{"audio", "POST", "/users/host@example.com/meetings", `{"settings":{"audio":"smoke"}}`, 400, 300},
		{"text for a flag", "POST", "/users/host@example.com/meetings", `{"settings":{"use_pmi":"no"}}`, 400, 300},
		{"large page", "GET", "/users/host@example.com/meetings?page_size=301", ``, 400, 300},
		{"old page", "GET", "/users/host@example.com/meetings?next_page_token=x", ``, 400, 300},
		{"list of nobody", "GET", "/users/nobody@example.com/meetings", ``, 404, 1001},
		{"no meeting", "GET", "/meetings/1", ``, 404, 3001},
		{"no id", "GET", "/meetings/x", ``, 404, 3001},
		{"end no meeting", "PUT", "/meetings/1/status", `{"action":"end"}`, 404, 3001},
		{"end how", "PUT", "/meetings/1/status", `{"action":"explode"}`, 400, 300},
		{"delete no meeting", "DELETE", "/meetings/1", ``, 404, 3001},
		{"no route", "GET", "/accounts", ``, 404, 1500},
		{"no method", "PUT", "/users/host@example.com/meetings", ``, 404, 1500},
	}
	for _, test := range tests {
		status, answer := client.must(t, test.method, test.path, test.body)
		if code, _ := answer["code"].(float64); status != test.status || int(code) != test.code {
			t.Errorf("%s: %d %v, want %d and code %d", test.name, status, answer, test.status, test.code)
		}
		if message, _ := answer["message"].(string); message == "" {
			t.Errorf("%s: no message", test.name)
		}
	}
	if made := fake.Meetings(); len(made) != 0 {
		t.Errorf("%d meetings were made", len(made))
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	tests := []struct {
		name, secret, body string
		status             int
		err                string
	}{
		{"right", "SECRET", "grant_type=account_credentials&account_id=ACCOUNT", 200, ""},
		{"wrong secret", "secret", "grant_type=account_credentials&account_id=ACCOUNT", 400, "invalid_client"},
		{"wrong account", "SECRET", "grant_type=account_credentials&account_id=OTHER", 400, "invalid_request"},
		{"no parameters", "SECRET", "", 400, "invalid_request"},
		{"another grant", "SECRET", "grant_type=password", 400, "unsupported_grant_type"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			fake := zoomtest.New()
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
				"https://zoom.us/oauth/token?grant_type=account_credentials&account_id=ACCOUNT", strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", form)
			request.SetBasicAuth("CLIENT", test.secret)
			client := caller{http: &http.Client{Transport: fake.Transport()}}
			status, answer, err := client.send(request)
			if err != nil || status != test.status {
				t.Errorf("status %d, %v, want %d", status, err, test.status)
			}
			if got, _ := answer["error"].(string); got != test.err {
				t.Errorf("error %q, want %q", got, test.err)
			}
		})
	}
}

func TestAccessTokensEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := zoomtest.New(zoomtest.WithUsers(host), zoomtest.WithTokenLife(time.Minute))
		client := newCaller(t, fake)
		status := func() int {
			status, answer := client.must(t, "GET", "/meetings/1", "")
			if code, _ := answer["code"].(float64); (code == 124) != (status == 401) {
				t.Errorf("status %d with code %v", status, code)
			}
			return status
		}
		got := []int{status()}
		<-time.After(time.Minute)
		got = append(got, status())
		client.authorize(t, fake)
		got = append(got, status())
		fake.ExpireTokens()
		got = append(got, status())
		client.authorization = ""
		got = append(got, status())
		if diff := cmp.Diff([]int{404, 401, 404, 401, 401}, got); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
	})
}

func TestUnsetSettingsFollowTheAccount(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New()
	fake.AddUser(host, func(u *zoomtest.User) { u.UsePMI, u.TollFree = true, true })
	client := newCaller(t, fake)
	const path = "/users/host@example.com/meetings"
	status, first := client.must(t, "POST", path, `{"unknown":1,"settings":{"join_before_host":true,"unknown":{}}}`)
	if status != http.StatusCreated {
		t.Fatalf("status %d", status)
	}
	settings, _ := first["settings"].(map[string]any)
	for name, want := range map[string]any{
		"waiting_room": true, "join_before_host": false, "use_pmi": true, "email_notification": true, "unknown": nil,
	} {
		if settings[name] != want {
			t.Errorf("%s is %v, want %v", name, settings[name], want)
		}
	}
	if numbers, _ := settings["global_dial_in_numbers"].([]any); len(numbers) != 3 {
		t.Errorf("numbers %v, want the three of the US", numbers)
	}
	if start, _ := first["start_url"].(string); !strings.Contains(start, "SECRET") {
		t.Errorf("start_url %q, want one that nobody should see", start)
	}
	client.must(t, "POST", path, `{}`)
	client.must(t, "POST", path, `{"settings":{"use_pmi":false,"audio":"voip"}}`)
	made := fake.Meetings()
	link := func(i int) string { link, _, _ := strings.Cut(made[i].JoinURL, "?"); return link }
	if link(0) != link(1) || link(0) == link(2) {
		t.Errorf("links %s, %s, %s: want the personal one twice", link(0), link(1), link(2))
	}
}

func TestPeopleInAMeeting(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	client := newCaller(t, fake)
	const path = "/users/host@example.com/meetings"
	client.must(t, "POST", path, `{"settings":{"waiting_room":false,"join_before_host":true}}`)
	client.must(t, "POST", path, `{}`)
	open, closed := fake.Meetings()[0], fake.Meetings()[1]

	if err := fake.Join(closed.ID, "Ada"); err == nil {
		t.Error("Ada is in before the host")
	}
	for _, step := range []error{
		fake.Join(open.ID, "Ada"), fake.Join(open.ID, "Ben"), fake.Leave(open.ID, "Ada"),
		fake.Start(closed.ID), fake.Join(closed.ID, "Ada"),
	} {
		if step != nil {
			t.Error(step)
		}
	}
	got := fake.Meetings()
	if diff := cmp.Diff([]string{"Ben"}, got[0].Participants); diff != "" || got[0].Status != "started" {
		t.Errorf("%s (-want +got):\n%s", got[0].Status, diff)
	}
	if status, _ := client.must(t, "DELETE", "/meetings/82001000003", ""); status != 400 {
		t.Errorf("a running meeting was deleted with %d", status)
	}
	if err := fake.Leave(open.ID, "Ben"); err != nil {
		t.Error(err)
	}
	if err := fake.End(closed.ID); err != nil {
		t.Error(err)
	}
	for _, m := range fake.Meetings() {
		if !m.Ended || m.Status != "waiting" || len(m.Participants) > 0 {
			t.Errorf("meeting %d: ended %t, %s, %v inside", m.ID, m.Ended, m.Status, m.Participants)
		}
	}
	before := fake.Meetings()[0].UUID
	if err := fake.Join(open.ID, "Cleo"); err != nil {
		t.Error(err)
	}
	if fake.Meetings()[0].UUID == before {
		t.Error("a meeting that starts again keeps its UUID")
	}
	for name, err := range map[string]error{
		"join": fake.Join(1, "Ada"), "start": fake.Start(1), "end": fake.End(1), "leave": fake.Leave(open.ID, "Ada"),
	} {
		if err == nil {
			t.Errorf("%s worked with nobody there", name)
		}
	}
}

// A create does not report it: nobody can join the host's second meeting.
func TestConcurrencyShowsOnlyWhenPeopleJoin(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New()
	fake.AddUser(host, func(u *zoomtest.User) { u.AtOnce = 1 })
	client := newCaller(t, fake)
	const open = `{"settings":{"waiting_room":false,"join_before_host":true}}`
	for range 2 {
		if status, _ := client.must(t, "POST", "/users/host@example.com/meetings", open); status != http.StatusCreated {
			t.Fatalf("create: %d", status)
		}
	}
	first, second := fake.Meetings()[0].ID, fake.Meetings()[1].ID
	if err := fake.Join(first, "Ada"); err != nil {
		t.Error(err)
	}
	if err := fake.Join(second, "Ben"); err == nil {
		t.Error("Ben is in the second")
	}
	if err := fake.Leave(first, "Ada"); err != nil {
		t.Error(err)
	}
	if err := fake.Join(second, "Ben"); err != nil {
		t.Error(err)
	}
}

func TestNewMeetingsAppearInListsAfterTheLag(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := zoomtest.New(zoomtest.WithUsers(host), zoomtest.WithListLag(2*time.Second))
		client := newCaller(t, fake)
		client.must(t, "POST", "/users/host@example.com/meetings", `{}`)
		listed := func() int {
			_, answer := client.must(t, "GET", "/users/host@example.com/meetings", "")
			meetings, _ := answer["meetings"].([]any)
			return len(meetings)
		}
		if n := listed(); n != 0 {
			t.Errorf("%d listed at once", n)
		}
		<-time.After(2 * time.Second)
		if n := listed(); n != 1 {
			t.Errorf("%d listed later, want 1", n)
		}
	})
}

func TestSameAnswersInEveryRun(t *testing.T) {
	t.Parallel()
	run := func() []zoomtest.Meeting {
		fake := zoomtest.New(zoomtest.WithUsers(host))
		client := newCaller(t, fake)
		for range 3 {
			client.must(t, "POST", "/users/host@example.com/meetings", `{"topic":"x"}`)
		}
		return fake.Meetings()
	}
	synctest.Test(t, func(t *testing.T) {
		if diff := cmp.Diff(run(), run()); diff != "" {
			t.Errorf("two runs (-first +second):\n%s", diff)
		}
	})
}

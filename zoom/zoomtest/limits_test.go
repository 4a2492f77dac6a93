package zoomtest_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// headers are the rate-limit headers of an answer, without their prefix.
func (c *caller) headers(t *testing.T, method, path, body string) (int, map[string]string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, c.api+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", c.authorization)
	resp, err := c.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	found := map[string]string{}
	for key := range resp.Header {
		if name, ok := strings.CutPrefix(key, "X-Ratelimit-"); ok || key == "Retry-After" {
			found[name] = resp.Header.Get(key)
		}
	}
	return resp.StatusCode, found
}

func TestRateLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // begins at midnight UTC, 2000-01-01
		fake := zoomtest.New(zoomtest.WithUsers(host), zoomtest.WithRateLimit(2), zoomtest.WithDailyCalls(6))
		client := newCaller(t, fake)
		const user, list = "/users/host@example.com", "/users/host@example.com/meetings"
		steps := []struct {
			name, path string
			wait       time.Duration
			status     int
			want       map[string]string
		}{
			{"first", user, 0, 200, map[string]string{"Category": "Light", "Type": "QPS", "Limit": "2", "Remaining": "1"}},
			{"second", user, 0, 200, map[string]string{"Category": "Light", "Type": "QPS", "Limit": "2", "Remaining": "0"}},
			{"third", user, 0, 429, map[string]string{"Category": "Light", "Type": "QPS", "Limit": "2", "Remaining": "0"}},
			{"another label", list, 0, 200, map[string]string{"Category": "Medium", "Type": "QPS", "Limit": "2", "Remaining": "1"}},
			{"a second later", user, time.Second, 200, map[string]string{"Category": "Light", "Type": "QPS", "Limit": "2", "Remaining": "1"}},
			{"the sixth", user, 0, 200, map[string]string{"Category": "Light", "Type": "QPS", "Limit": "2", "Remaining": "0"}},
			{"the seventh of the day", user, time.Second, 429, map[string]string{
				"Category": "Light", "Type": "Daily-limit", "Limit": "6", "Remaining": "0", "Retry-After": "2000-01-02T00:00:00Z",
			}},
			{"the next day", user, 24 * time.Hour, 200, map[string]string{"Category": "Light", "Type": "QPS", "Limit": "2", "Remaining": "1"}},
		}
		for _, step := range steps {
			<-time.After(step.wait)
			if step.wait > time.Hour {
				client.authorize(t, fake)
			}
			status, got := client.headers(t, http.MethodGet, step.path, "")
			if diff := cmp.Diff(step.want, got); diff != "" || status != step.status {
				t.Errorf("%s: %d, want %d (-want +got):\n%s", step.name, status, step.status, diff)
			}
		}
	})
}

func TestRetryAfterAsOneLikes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := zoomtest.New(zoomtest.WithUsers(host), zoomtest.WithRateLimit(1),
			zoomtest.WithRetryAfter(func(until time.Time) string { return until.Format(http.TimeFormat) }))
		client := newCaller(t, fake)
		client.must(t, http.MethodGet, "/users/host@example.com", "")
		_, got := client.headers(t, http.MethodGet, "/users/host@example.com", "")
		if want := "Sat, 01 Jan 2000 00:00:01 GMT"; got["Retry-After"] != want {
			t.Errorf("Retry-After %q, want %q", got["Retry-After"], want)
		}
	})
}

// Another app of the account uses up what is ours too.
func TestAppsShareTheAccountsLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := zoomtest.New(zoomtest.WithUsers(host), zoomtest.WithRateLimit(1))
		ours, theirs := newCaller(t, fake), newApp(fake)
		access, _ := theirs.install(t)
		got := []int{theirs.status(t, access)}
		status, _ := ours.must(t, http.MethodGet, "/users/host@example.com", "")
		if diff := cmp.Diff([]int{200, 429}, append(got, status)); diff != "" {
			t.Errorf("theirs, ours (-want +got):\n%s", diff)
		}
	})
}

// The hundred of a host come without the headers of the other limits, and are counted for
// updates too.
func TestTheHostsDay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := zoomtest.New(zoomtest.WithUsers(host, "other@example.com"))
		client := newCaller(t, fake)
		const path = "/users/host@example.com/meetings"
		client.must(t, http.MethodPost, path, `{}`)
		for range 99 {
			if status, _ := client.must(t, http.MethodPatch, "/meetings/82001000003", `{"topic":"x"}`); status != 204 {
				t.Fatalf("update: %d", status)
			}
		}
		status, got := client.headers(t, http.MethodPost, path, `{}`)
		if diff := cmp.Diff(map[string]string{"Category": "Light"}, got); diff != "" || status != 429 {
			t.Errorf("the hundred and first: %d (-want +got):\n%s", status, diff)
		}
		if status, _ := client.must(t, http.MethodPost, "/users/other@example.com/meetings", `{}`); status != 201 {
			t.Errorf("another host: %d", status)
		}
		<-time.After(24 * time.Hour)
		client.authorize(t, fake)
		if status, _ := client.must(t, http.MethodPost, path, `{}`); status != 201 {
			t.Errorf("the next day: %d", status)
		}
	})
}

func TestScopes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		scopes []string
		method string
		path   string
		body   string
		lacks  string // "": the call is let through
	}{
		{"granular", []string{"meeting:write:meeting:admin"}, "POST", "/users/host@example.com/meetings", `{}`, ""},
		{"classic", []string{"meeting:write:admin"}, "POST", "/users/host@example.com/meetings", `{}`, ""},
		{"classic of a user", []string{"meeting:write"}, "POST", "/users/host@example.com/meetings", `{}`, "meeting:write:meeting:admin"},
		{"write does not read", []string{"meeting:write:admin"}, "GET", "/meetings/1", ``, "meeting:read:meeting, meeting:read:meeting:admin"},
		{
			"delete is its own",
			[]string{"meeting:write:meeting:admin"},
			"DELETE", "/meetings/1", ``,
			"meeting:delete:meeting, meeting:delete:meeting:admin",
		},
		{
			"ending too",
			[]string{"meeting:write:meeting:admin"},
			"PUT", "/meetings/1/status", `{"action":"end"}`,
			"meeting:update:status, meeting:update:status:admin",
		},
		{"either family reads users", []string{"user:write:admin"}, "GET", "/users/host@example.com", ``, ""},
		{"none", []string{}, "GET", "/users/host@example.com/settings", ``, "user:read:settings:admin"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			fake := zoomtest.New(zoomtest.WithUsers(host), zoomtest.WithScopes(test.scopes...))
			status, answer := newCaller(t, fake).must(t, test.method, test.path, test.body)
			code, _ := answer["code"].(float64)
			want := "Invalid access token, does not contain scopes:[" + test.lacks + "]."
			if refused := code == 4711; refused != (test.lacks != "") {
				t.Errorf("%d %v, want it refused %t", status, answer, test.lacks != "")
			} else if refused && (status != 400 || answer["message"] != want) {
				t.Errorf("%d %v, want %s", status, answer["message"], want)
			}
		})
	}
}

func TestPagesEndAfterFifteenMinutes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := zoomtest.New(zoomtest.WithUsers(host))
		client := newCaller(t, fake)
		for range 3 {
			client.must(t, http.MethodPost, "/users/host@example.com/meetings", `{}`)
		}
		const list = "/users/host@example.com/meetings?page_size=2"
		_, first := client.must(t, http.MethodGet, list, "")
		next := list + "&next_page_token=" + text(first, "next_page_token")
		<-time.After(15*time.Minute - time.Second)
		_, second := client.must(t, http.MethodGet, next, "")
		if page, _ := second["meetings"].([]any); len(page) != 1 || text(second, "next_page_token") != "" {
			t.Errorf("second page %v", second)
		}
		<-time.After(time.Second)
		if status, _ := client.must(t, http.MethodGet, next, ""); status != 400 {
			t.Errorf("an old token: %d", status)
		}
	})
}

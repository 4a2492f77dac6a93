package pagerdutytest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

// as makes a request with other credentials and From, and returns the status and the
// JSON.
func as(t *testing.T, fake *pagerdutytest.Server, authorization, from, method, path, body string) (int, any) {
	t.Helper()
	way := in{"memory", &http.Client{Transport: changing{fake.Transport(), func(r *http.Request) {
		r.Header.Set("Authorization", authorization)
		r.Header.Set("From", from)
	}}}, "https://api.pagerduty.com"}
	resp, content, err := way.call(t.Context(), fake, method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, content
}

func TestFromByKindOfCredentials(t *testing.T) {
	t.Parallel()
	const note = `{"note":{"content":"hi"}}`
	fake := pagerdutytest.New()
	ada := fake.AddUser("ada@example.com")
	id := fake.AddIncident("down")
	key, user := "Token token="+fake.Key(), "Token token="+fake.UserKey(ada)
	app := "Bearer " + appToken(t, fake, "incidents.write")
	person := "Bearer " + at(consent(t, fake, "incidents.write"), "access_token").(string)
	tests := []struct {
		name, authorization, from string
		status, code              int
	}{
		{"account's key, user", key, fake.From(), 200, 0},
		{"account's key, nobody", key, "", 400, 2001},
		{"account's key, stranger", key, "eve@example.com", 400, 1008},
		{"read-only key", "Token token=" + fake.ReadOnlyKey(), fake.From(), 403, 2010},
		{"user's key, nobody", user, "", 200, 0},
		{"user's key, stranger", user, "eve@example.com", 200, 0},
		{"user's token, nobody", person, "", 200, 0},
		{"app's token, user", app, fake.From(), 200, 0},
		{"app's token, nobody", app, "", 400, 2001},
		{"app's token, stranger", app, "eve@example.com", 400, 1008},
		{"unknown token", "Bearer x", fake.From(), 401, 2006},
		{"nothing", "", fake.From(), 401, 2006},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, body := as(t, fake, tt.authorization, tt.from, "POST", "/incidents/"+id+"/notes", note)
			code, _ := at(body, "error", "code").(float64)
			if status != tt.status || int(code) != tt.code {
				t.Errorf("answer %d %v, want %d with code %d", status, body, tt.status, tt.code)
			}
		})
	}
}

func TestNoteIsByWhoeverTheKeyIs(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	ada := fake.AddUser("ada@example.com")
	id := fake.AddIncident("down")
	as(t, fake, "Token token="+fake.UserKey(ada), fake.From(), "POST", "/incidents/"+id+"/notes", `{"note":{"content":"hi"}}`)
	if got := fake.Incident(id).Notes[0].UserID; got != ada {
		t.Errorf("note by %s, want Ada, whose key it is", got)
	}
}

func TestSelfIsAUserOrATextForAnError(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	ada := fake.AddUser("ada@example.com")
	status, body := as(t, fake, "Token token="+fake.UserKey(ada), "", "GET", "/users/me", "")
	if status != 200 || at(body, "user", "id") != ada {
		t.Errorf("answer %d %v, want Ada", status, body)
	}
	status, body = as(t, fake, "Bearer "+appToken(t, fake, "users.read"), "", "GET", "/users/me", "")
	if text, _ := at(body, "error").(string); status != 400 || text == "" {
		t.Errorf("answer %d %v, want 400 with a text for an error", status, body)
	}
}

func TestScopesAreLookedAt(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down")
	token := "Bearer " + appToken(t, fake, "incidents.read")
	if status, _ := as(t, fake, token, "", "GET", "/incidents/"+id, ""); status != 200 {
		t.Errorf("read: %d, want 200", status)
	}
	for _, call := range []string{"GET /users", "GET /teams/PTEAM1/members", "GET /abilities", "GET /webhook_subscriptions", "PUT /incidents/" + id} {
		method, path, _ := strings.Cut(call, " ")
		if status, _ := as(t, fake, token, fake.From(), method, path, bridgeWrite); status != 403 {
			t.Errorf("%s: %d, want 403", call, status)
		}
	}
}

func TestUnknownFieldsAreIgnoredInSilence(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down")
	const misspelt = `{"incident":{"type":"incident","conference_brigde":{"conference_url":"https://a.example"},
		"metadata":{"conference_url":"https://a.example"},"number":7}}`
	if status, _ := as(t, fake, "Token token="+fake.Key(), fake.From(), "PUT", "/incidents/"+id, misspelt); status != 200 {
		t.Errorf("answer %d, want a 200 that means nothing", status)
	}
	if state := fake.Incident(id); state.Bridge.URL != "" || state.Number != 1001 {
		t.Errorf("incident %+v, want it as it was", state)
	}
}

func TestLastWriterWins(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down")
	way := bothWays(t, fake)[0]
	for _, link := range []string{"https://a.example", "https://b.example"} {
		body := `{"incident":{"type":"incident","conference_bridge":{"conference_number":"","conference_url":"` + link + `"}}}`
		resp, _, err := way.call(t.Context(), fake, "PUT", "/incidents/"+id, body)
		if err != nil || resp.StatusCode != 200 || resp.Header.Get("ETag") != "" {
			t.Errorf("answer %v, %v; want 200 without an ETag", resp, err)
		}
	}
	if got := fake.Incident(id).Bridge.URL; got != "https://b.example" {
		t.Errorf("bridge %s, want the last one", got)
	}
}

func TestErrorShapes(t *testing.T) {
	t.Parallel()
	want := map[pagerdutytest.ErrorShape]string{
		pagerdutytest.ErrorsList:   `{"error":{"code":2001,"errors":["Content cannot be empty"],"message":"Invalid Input Provided"}}`,
		pagerdutytest.ErrorsText:   `{"error":{"code":2001,"errors":"Content cannot be empty","message":"Invalid Input Provided"}}`,
		pagerdutytest.ErrorsObject: `{"error":{"code":2001,"errors":{"incident":["Content cannot be empty"]},"message":"Invalid Input Provided"}}`,
		pagerdutytest.ErrorList:    `{"error":["Invalid Input Provided","Content cannot be empty"]}`,
		pagerdutytest.ErrorText:    `{"error":"Invalid Input Provided"}`,
		pagerdutytest.ErrorHTML:    pagerdutytest.HTMLPage,
	}
	got := map[pagerdutytest.ErrorShape]string{}
	for _, shape := range pagerdutytest.ErrorShapes() {
		fake := pagerdutytest.New(pagerdutytest.WithErrorShape(shape))
		id := fake.AddIncident("down")
		got[shape] = raw(t, fake, "POST", "/incidents/"+id+"/notes", `{}`)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bodies (-want +got):\n%s", diff)
	}
	// The sixth documented shape is an ordinary one without reasons.
	if got, want := raw(t, pagerdutytest.New(), "GET", "/users/PNONE", ""), `{"error":{"code":2100,"message":"Not Found"}}`; got != want {
		t.Errorf("body %s, want %s", got, want)
	}
}

func TestRateLimitMayBeSilent(t *testing.T) {
	t.Parallel()
	for _, silent := range []bool{false, true} {
		options := []pagerdutytest.Option{pagerdutytest.WithRateLimit(1)}
		if silent {
			options = append(options, pagerdutytest.WithSilentLimit())
		}
		fake := pagerdutytest.New(options...)
		for _, way := range bothWays(t, fake)[:1] {
			_, _, _ = way.call(t.Context(), fake, "GET", "/users", "")
			resp, body, err := way.call(t.Context(), fake, "GET", "/users", "")
			if err != nil || resp.StatusCode != 429 {
				t.Fatalf("answer %v, %v; want 429", resp, err)
			}
			if told := resp.Header.Get("ratelimit-reset") != "" && body != nil; told == silent {
				t.Errorf("silent %t: headers %v, body %v", silent, resp.Header, body)
			}
		}
	}
}

func TestMembersAndAbilities(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New(pagerdutytest.WithAbilities("teams"))
	ada := fake.AddUser("ada@example.com")
	fake.SetTeamRole("PTEAM1", fake.AddUser("eve@example.com"), "observer")
	fake.SetTeamRole("PTEAM1", ada, "manager")
	key := "Token token=" + fake.Key()
	_, body := as(t, fake, key, "", "GET", "/teams/PTEAM1/members?limit=1&offset=1", "")
	members, _ := at(body, "members").([]any)
	if len(members) != 1 || at(members[0], "user", "id") != ada || at(members[0], "role") != "manager" || at(body, "more") != false {
		t.Errorf("page %v, want Ada alone and the end", body)
	}
	for path, want := range map[string]int{
		"/teams/PNONE/members": 404, "/abilities": 200, "/abilities/teams": 204, "/abilities/conference_bridges": 402,
	} {
		if status, body := as(t, fake, key, "", "GET", path, ""); status != want {
			t.Errorf("%s: %d %v, want %d", path, status, body, want)
		}
	}
}

func TestOneRegionDoesNotKnowTheOthersTokens(t *testing.T) {
	t.Parallel()
	us, eu := pagerdutytest.New(), pagerdutytest.New(pagerdutytest.WithEU())
	tests := []struct {
		fake *pagerdutytest.Server
		host string
		want int
	}{
		{us, "api.pagerduty.com", 200},
		{us, "api.eu.pagerduty.com", 401},
		{eu, "api.pagerduty.com", 401},
		{eu, "api.eu.pagerduty.com", 200},
		{eu, "127.0.0.1:8080", 200},
	}
	for _, tt := range tests {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+tt.host+"/abilities", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Token token="+tt.fake.Key())
		resp, err := tt.fake.Transport().RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != tt.want {
			t.Errorf("%s answers %d, want %d", tt.host, resp.StatusCode, tt.want)
		}
	}
}

package zoomtest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

const (
	callback = "https://app.example.com/oauth/zoom/callback"
	verifier = "a-verifier-of-at-least-forty-three-characters"
)

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// app is a program that users install, and the browser they do it with.
type app struct {
	fake    *zoomtest.Server
	browser *http.Client // follows no redirect
}

func newApp(fake *zoomtest.Server) app {
	return app{fake, &http.Client{
		Transport:     fake.Transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// visit opens the authorize page, with the parameters changed, and gives where it sends
// the browser.
func (a app) visit(t *testing.T, changes url.Values) (status int, back *url.URL, page string) {
	t.Helper()
	return a.open(t, http.MethodGet, changes, nil)
}

func (a app) open(t *testing.T, method string, changes, form url.Values) (status int, back *url.URL, page string) {
	t.Helper()
	id, _ := a.fake.AppCredentials()
	query := url.Values{
		"response_type": {"code"}, "client_id": {id}, "redirect_uri": {callback}, "state": {"s+1"},
		"code_challenge": {challenge()}, "code_challenge_method": {"S256"},
	}
	maps.Copy(query, changes)
	request, err := http.NewRequestWithContext(t.Context(), method, "https://zoom.us/oauth/authorize?"+query.Encode(),
		strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := a.browser.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	back, _ = resp.Location()
	return resp.StatusCode, back, string(body)
}

func (a app) code(t *testing.T) string {
	t.Helper()
	status, back, _ := a.visit(t, nil)
	if status != http.StatusFound || back.Query().Get("code") == "" {
		t.Fatalf("authorize: %d to %v", status, back)
	}
	return back.Query().Get("code")
}

// post sends a form with the app's Basic header, or with another header.
func (a app) post(t *testing.T, path, authorization string, form url.Values) (int, map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://zoom.us/oauth/"+path,
		strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(a.fake.AppCredentials())
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	status, answer, err := (&caller{http: a.browser}).send(request)
	if err != nil {
		t.Fatal(err)
	}
	return status, answer
}

func (a app) exchange(t *testing.T, code string, changes url.Values) (int, map[string]any) {
	t.Helper()
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier},
	}
	maps.Copy(form, changes)
	return a.post(t, "token", "", form)
}

func (a app) refresh(t *testing.T, token string) (int, map[string]any) {
	t.Helper()
	return a.post(t, "token", "", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

// install gives the tokens of a fresh consent.
func (a app) install(t *testing.T) (access, refresh string) {
	t.Helper()
	status, answer := a.exchange(t, a.code(t), nil)
	if status != http.StatusOK {
		t.Fatalf("exchange: %d %v", status, answer)
	}
	return text(answer, "access_token"), text(answer, "refresh_token")
}

// status is that of reading the own user with the access token.
func (a app) status(t *testing.T, access string) int {
	t.Helper()
	client := &caller{http: a.browser, api: "https://api.zoom.us/v2", authorization: "Bearer " + access}
	status, _ := client.must(t, http.MethodGet, "/users/me", "")
	return status
}

// whose is the address of the user behind the access token.
func (a app) whose(t *testing.T, access string) string {
	t.Helper()
	client := &caller{http: a.browser, api: "https://api.zoom.us/v2", authorization: "Bearer " + access}
	_, user := client.must(t, http.MethodGet, "/users/me", "")
	return text(user, "email")
}

func text(answer map[string]any, key string) string {
	value, _ := answer[key].(string)
	return value
}

func TestAuthorizeSendsTheBrowserBack(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host), zoomtest.WithRedirectURIs(callback))
	a := newApp(fake)
	status, back, _ := a.visit(t, nil)
	if status != http.StatusFound || back.Host != "app.example.com" || back.Query().Get("state") != "s+1" {
		t.Fatalf("%d to %v, want the callback with the state", status, back)
	}
	for name, change := range map[string]url.Values{
		"another app":      {"client_id": {"x"}},
		"another redirect": {"redirect_uri": {"https://evil.example.com"}},
		"a relative one":   {"redirect_uri": {"/callback"}},
		"another response": {"response_type": {"token"}},
		"another method":   {"code_challenge_method": {"S512"}},
	} {
		if status, back, _ := a.visit(t, change); status != http.StatusBadRequest || back != nil {
			t.Errorf("%s: %d to %v, want 400 and no redirect", name, status, back)
		}
	}
	if status, _, _ := newApp(zoomtest.New()).visit(t, nil); status != http.StatusUnauthorized {
		t.Errorf("with nobody signed in: %d", status)
	}
}

// press sends the form of the consent page.
func (a app) press(t *testing.T, choice, user string) (status int, back *url.URL, page string) {
	t.Helper()
	return a.open(t, http.MethodPost, nil, url.Values{"consent": {choice}, "user": {user}})
}

func TestConsentPage(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host), zoomtest.WithConsentPage())
	ada := fake.AddUser("ada<b>@example.com", func(u *zoomtest.User) { u.Role = "Owner" })
	a := newApp(fake)
	status, back, page := a.visit(t, nil)
	if status != http.StatusOK || back != nil {
		t.Fatalf("%d to %v, want the form", status, back)
	}
	for _, want := range []string{`<form method="post">`, `id="allow"`, `id="decline"`, host + " (Member)", "ada&lt;b&gt;@example.com (Owner)"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s: %s", want, page)
		}
	}
	for _, choice := range []string{"decline", ""} {
		_, back, _ = a.press(t, choice, "")
		if back.Query().Get("error") != "access_denied" || back.Query().Has("code") || back.Query().Get("state") != "s+1" {
			t.Errorf("%q leads to %v, want access_denied and the state", choice, back)
		}
	}
	_, back, _ = a.press(t, "allow", ada)
	status, answer := a.exchange(t, back.Query().Get("code"), nil)
	if status != http.StatusOK {
		t.Fatalf("allowed, and then %d %v", status, answer)
	}
	if got := a.whose(t, text(answer, "access_token")); got != "ada<b>@example.com" {
		t.Errorf("it is the token of %s, want the chosen user's", got)
	}
}

func TestOnlyAnAdministratorInstallsAnAdminApp(t *testing.T) {
	t.Parallel()
	for role, want := range map[string]int{"Owner": 302, "Admin": 302, "Member": 403, "Help desk": 403, "": 403} {
		fake := zoomtest.New(zoomtest.WithAdminApp())
		fake.AddUser(host, func(u *zoomtest.User) { u.Role = role })
		fake.AddUser("other@example.com")
		a := newApp(fake)
		status, back, page := a.visit(t, nil)
		if status != want || (back == nil) != (want == 403) {
			t.Errorf("%q: %d to %v: %s, want %d", role, status, back, page, want)
		}
		if want == 403 {
			continue
		}
		access, _ := a.install(t)
		client := &caller{http: a.browser, api: "https://api.zoom.us/v2", authorization: "Bearer " + access}
		if status, made := client.must(t, http.MethodPost, "/users/other@example.com/meetings", `{}`); status != 201 {
			t.Errorf("a meeting of another host: %d %v", status, made)
		}
	}
}

func TestUninstallEndsTheUsersTokensAndTellsOfIt(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host, "ada@example.com"))
	a := newApp(fake)
	gone, refresh := a.install(t)
	fake.SignIn("ada@example.com")
	stays, _ := a.install(t)

	delivery := fake.Uninstall(host)
	event, err := zoom.ParseEvent(delivery.Body)
	if err != nil {
		t.Fatal(err)
	}
	id, _ := fake.AppCredentials()
	if event.Type != zoom.EventAppDeauthorized || event.UserID != "zoomtest-user-1" || event.ClientID != id || event.DeauthorizedAt.IsZero() {
		t.Errorf("event %+v", event)
	}
	verifier, err := zoom.NewVerifier([]string{fake.WebhookSecret()})
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.Verify(delivery.Header, delivery.Body); err != nil {
		t.Errorf("the event is not signed: %v", err)
	}
	if diff := cmp.Diff([]int{401, 200}, []int{a.status(t, gone), a.status(t, stays)}); diff != "" {
		t.Errorf("tokens of who left and of who stays (-want +got):\n%s", diff)
	}
	if status, _ := a.refresh(t, refresh); status == http.StatusOK {
		t.Error("the refresh token of who left is good")
	}
}

func TestCodesAreGoodOnceForFiveMinutesAndTheirVerifier(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		wait   time.Duration
		change url.Values
		status int
		err    string
	}{
		{"right", 0, nil, 200, ""},
		{"just in time", 5*time.Minute - time.Second, nil, 200, ""},
		{"too late", 5 * time.Minute, nil, 400, "invalid_grant"},
		{"wrong verifier", 0, url.Values{"code_verifier": {"x"}}, 400, "invalid_grant"},
		{"no verifier", 0, url.Values{"code_verifier": nil}, 400, "invalid_grant"},
		{"the challenge as verifier", 0, url.Values{"code_verifier": {challenge()}}, 400, "invalid_grant"},
		{"another redirect", 0, url.Values{"redirect_uri": {"https://example.com"}}, 400, "invalid_request"},
		{"another code", 0, url.Values{"code": {"x"}}, 400, "invalid_grant"},
		{"no code", 0, url.Values{"code": {""}}, 400, "invalid_grant"},
		{"account's grant", 0, url.Values{"grant_type": {"account_credentials"}}, 400, "unsupported_grant_type"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := newApp(zoomtest.New(zoomtest.WithUsers(host), zoomtest.WithAPIURL("https://api-eu.zoom.us")))
				code := a.code(t)
				<-time.After(test.wait)
				status, answer := a.exchange(t, code, test.change)
				if status != test.status || text(answer, "error") != test.err {
					t.Errorf("%d %v, want %d %s", status, answer, test.status, test.err)
				}
				if status == 200 && (text(answer, "refresh_token") == "" || text(answer, "api_url") != "https://api-eu.zoom.us") {
					t.Errorf("answer %v", answer)
				}
				if again, _ := a.exchange(t, code, nil); test.change.Get("code") == "" && test.change["code"] == nil &&
					test.change["grant_type"] == nil && again != 400 {
					t.Errorf("a second exchange: %d", again)
				}
			})
		})
	}
}

func TestRefreshTokensRotate(t *testing.T) {
	t.Parallel()
	a := newApp(zoomtest.New(zoomtest.WithUsers(host)))
	firstAccess, first := a.install(t)
	status, answer := a.refresh(t, first)
	secondAccess, second := text(answer, "access_token"), text(answer, "refresh_token")
	if status != 200 || second == "" || second == first || secondAccess == firstAccess {
		t.Fatalf("refresh: %d %v", status, answer)
	}
	got := []int{a.status(t, firstAccess), a.status(t, secondAccess)}
	if diff := cmp.Diff([]int{401, 200}, got); diff != "" {
		t.Errorf("access tokens, old and new (-want +got):\n%s", diff)
	}
	var refusals []string
	for range 3 { // the shapes that Zoom has been seen to use
		status, answer := a.refresh(t, first)
		if status != 400 && status != 401 {
			t.Errorf("the used one again: %d", status)
		}
		refusals = append(refusals, text(answer, "error")+"/"+text(answer, "reason"))
	}
	want := []string{"invalid_grant/Invalid Token!", "invalid_grant/", "invalid_request/Invalid Token!"}
	if diff := cmp.Diff(want, refusals); diff != "" {
		t.Errorf("refusals (-want +got):\n%s", diff)
	}
	if status, _ := a.refresh(t, second); status != 200 {
		t.Errorf("the living one: %d", status)
	}
}

func TestReuseOfARefreshTokenMayEndTheGrant(t *testing.T) {
	t.Parallel()
	a := newApp(zoomtest.New(zoomtest.WithUsers(host), zoomtest.WithReuseDetection()))
	_, first := a.install(t)
	_, answer := a.refresh(t, first)
	if status, _ := a.refresh(t, first); status != 400 {
		t.Errorf("the used one again: %d", status)
	}
	if status, _ := a.refresh(t, text(answer, "refresh_token")); status == 200 {
		t.Error("the grant has not ended")
	}
	if status := a.status(t, text(answer, "access_token")); status != 401 {
		t.Errorf("the access token is good for %d", status)
	}
}

func TestRefreshTokensDieAfterNinetyDays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(zoomtest.New(zoomtest.WithUsers(host)))
		_, refresh := a.install(t)
		<-time.After(90*24*time.Hour - time.Second)
		status, answer := a.refresh(t, refresh)
		if status != 200 {
			t.Fatalf("in time: %d", status)
		}
		<-time.After(90 * 24 * time.Hour)
		if status, _ := a.refresh(t, text(answer, "refresh_token")); status == 200 {
			t.Error("it lives for ever")
		}
	})
}

func TestRevokeWantsTheAppsOwnHeader(t *testing.T) {
	t.Parallel()
	a := newApp(zoomtest.New(zoomtest.WithUsers(host)))
	access, refresh := a.install(t)
	form := url.Values{"token": {access}}
	status, answer := a.post(t, "revoke", "Bearer "+access, form)
	if status != 400 || text(answer, "error") != "invalid_client" || a.status(t, access) != 200 {
		t.Errorf("with a bearer: %d %v", status, answer)
	}
	status, answer = a.post(t, "revoke", "", form)
	if status != 200 || text(answer, "status") != "success" {
		t.Errorf("with Basic: %d %v", status, answer)
	}
	if got := a.status(t, access); got != 401 {
		t.Errorf("the access token is good for %d", got)
	}
	if status, _ := a.refresh(t, refresh); status == 200 {
		t.Error("the refresh token lives")
	}
}

func TestAUsersTokenMustSayMe(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host, "ada@example.com"))
	fake.SignIn("ada@example.com")
	a := newApp(fake)
	access, _ := a.install(t)
	client := &caller{http: a.browser, api: "https://api.zoom.us/v2", authorization: "Bearer " + access}
	status, made := client.must(t, http.MethodPost, "/users/me/meetings", `{}`)
	if status != 201 || text(made, "host_email") != "ada@example.com" {
		t.Errorf("me: %d %v", status, made["host_email"])
	}
	status, refusal := client.must(t, http.MethodPost, "/users/ada@example.com/meetings", `{}`)
	if code, _ := refusal["code"].(float64); status != 400 || code != 4711 {
		t.Errorf("by name: %d %v, want a scope error", status, refusal)
	}
}

func TestTokensInAURLAreRefused(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	client := newCaller(t, fake)
	token := strings.TrimPrefix(client.authorization, "Bearer ")
	if status, _ := client.must(t, http.MethodGet, "/users/host@example.com?access_token="+token, ""); status != 401 {
		t.Errorf("status %d, want 401", status)
	}
}

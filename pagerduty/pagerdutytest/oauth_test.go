package pagerdutytest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

const (
	identity = "https://identity.pagerduty.com"
	callback = "https://bridge.example.com/oauth/pagerduty/callback?x=y"
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // of RFC 7636
)

// raw makes a request with the fake's key and returns the body.
func raw(t *testing.T, fake *pagerdutytest.Server, method, path, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "https://api.pagerduty.com"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Token token="+fake.Key())
	r.Header.Set("From", fake.From())
	return read(t, fake, r)
}

func read(t *testing.T, fake *pagerdutytest.Server, r *http.Request) string {
	t.Helper()
	resp, err := fake.Transport().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// post sends a form to the token endpoint as it is, with the app's id and secret in it.
func post(t *testing.T, fake *pagerdutytest.Server, form url.Values) any {
	t.Helper()
	id, secret, _ := fake.Credentials()
	form.Set("client_id", id)
	form.Set("client_secret", secret)
	return postRaw(t, fake, form.Encode())
}

func postRaw(t *testing.T, fake *pagerdutytest.Server, form string) any {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", identity+"/oauth/token", strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var body any
	if err := json.Unmarshal([]byte(read(t, fake, r)), &body); err != nil {
		t.Fatal(err)
	}
	return body
}

// agree walks through the consent page and returns what comes back to the callback.
func agree(t *testing.T, fake *pagerdutytest.Server, change func(url.Values)) url.Values {
	t.Helper()
	id, _, _ := fake.Credentials()
	sum := sha256.Sum256([]byte(verifier))
	query := url.Values{
		"client_id": {id}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"incidents.read openid"},
		"state": {"s"}, "code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}
	change(query)
	r, err := http.NewRequestWithContext(t.Context(), "GET", identity+"/oauth/authorize?"+query.Encode(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := fake.Transport().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	back, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || (resp.StatusCode == 302 && back.Host != "bridge.example.com") {
		t.Fatalf("answer %v, %v; want the way back", resp, err)
	}
	return back.Query()
}

func redeem(code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier},
	}
}

// consent returns the tokens of a user who agreed.
func consent(t *testing.T, fake *pagerdutytest.Server, scope string) any {
	t.Helper()
	back := agree(t, fake, func(q url.Values) { q.Set("scope", scope) })
	return post(t, fake, redeem(back.Get("code")))
}

// appToken returns the access token of the app.
func appToken(t *testing.T, fake *pagerdutytest.Server, scope string) string {
	t.Helper()
	body := post(t, fake, url.Values{"grant_type": {"client_credentials"}, "scope": {"as_account-us.example " + scope}})
	token, ok := at(body, "access_token").(string)
	if !ok {
		t.Fatalf("answer %v, want a token", body)
	}
	return token
}

func TestConsent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(url.Values)
		want   string // the error that comes back
	}{
		{"agreed", func(url.Values) {}, ""},
		{"plain challenge", func(q url.Values) { q.Set("code_challenge_method", "plain") }, "invalid_request"},
		{"no challenge", func(q url.Values) { q.Del("code_challenge") }, "invalid_request"},
		{"challenge with padding", func(q url.Values) { q.Set("code_challenge", q.Get("code_challenge")+"=") }, "invalid_request"},
		{"implicit", func(q url.Values) { q.Set("response_type", "token") }, "unsupported_response_type"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			back := agree(t, pagerdutytest.New(), tt.change)
			if back.Get("error") != tt.want || (back.Get("code") == "") != (tt.want != "") {
				t.Errorf("came back with %v, want error %q", back, tt.want)
			}
			if back.Get("state") != "s" || back.Get("x") != "y" {
				t.Errorf("came back with %v, want the state and what the callback had", back)
			}
		})
	}
	fake := pagerdutytest.New()
	fake.SignIn("")
	if back := agree(t, fake, func(url.Values) {}); back.Get("error") != "access_denied" {
		t.Errorf("came back with %v, want access_denied", back)
	}
}

// page opens the authorize page, or sends its form.
func page(t *testing.T, fake *pagerdutytest.Server, method, redirect string, form url.Values) (status int, back url.Values, body string) {
	t.Helper()
	id, _, _ := fake.Credentials()
	query := url.Values{
		"client_id": {id}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"users.read <b>"}, "state": {"s"},
		"code_challenge_method": {"S256"}, "code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"},
	}
	r, err := http.NewRequestWithContext(t.Context(), method, identity+"/oauth/authorize?"+query.Encode(), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := fake.Transport().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	location, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, location.Query(), string(content)
}

func TestConsentPage(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New(pagerdutytest.WithConsentPage())
	ada := fake.AddUser("ada@example.com", func(u *pagerdutytest.User) { u.Name, u.Role = "Ada <3", "observer" })
	status, _, shown := page(t, fake, "GET", callback, nil)
	for _, want := range []string{`<form method="post">`, `id="allow"`, `id="deny"`, fake.From() + " (user)", "Ada &lt;3 (observer)", "users.read &lt;b&gt;"} {
		if status != 200 || !strings.Contains(shown, want) {
			t.Errorf("%d, and the page lacks %s: %s", status, want, shown)
		}
	}
	for _, choice := range []string{"deny", ""} {
		_, back, _ := page(t, fake, "POST", callback, url.Values{"consent": {choice}})
		if back.Get("error") != "access_denied" || back.Has("code") || back.Get("state") != "s" {
			t.Errorf("%q comes back with %v, want access_denied and the state", choice, back)
		}
	}
	_, back, _ := page(t, fake, "POST", callback, url.Values{"consent": {"allow"}, "user": {ada}})
	token, _ := at(post(t, fake, redeem(back.Get("code"))), "access_token").(string)
	if _, body := as(t, fake, "Bearer "+token, "", "GET", "/users/me", ""); at(body, "user", "id") != ada {
		t.Errorf("it is the token of %v, want the chosen user's", body)
	}
	fake.SignIn("")
	if _, back, _ := page(t, fake, "POST", callback, url.Values{"consent": {"allow"}}); back.Get("error") != "access_denied" {
		t.Errorf("nobody is signed in, and it comes back with %v", back)
	}
}

func TestOnlyTheAppsOwnRedirectsAreFollowed(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New(pagerdutytest.WithRedirectURIs(callback))
	for redirect, want := range map[string]int{callback: 302, callback + "/": 400, "https://evil.example/": 400, "": 400} {
		if status, back, _ := page(t, fake, "GET", redirect, nil); status != want || back.Has("code") != (want == 302) {
			t.Errorf("%s: %d with %v, want %d", redirect, status, back, want)
		}
	}
}

func TestCodesAreGoodOnceAndFor30Seconds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		wait   time.Duration
		change func(url.Values)
		want   any // the error
	}{
		{"at once", 0, func(url.Values) {}, nil},
		{"at the last moment", 29 * time.Second, func(url.Values) {}, nil},
		{"too late", 30 * time.Second, func(url.Values) {}, "invalid_grant"},
		{"other verifier", 0, func(f url.Values) { f.Set("code_verifier", "x") }, "invalid_grant"},
		{"other callback", 0, func(f url.Values) { f.Set("redirect_uri", "https://evil.example") }, "invalid_grant"},
		{"other code", 0, func(f url.Values) { f.Set("code", "x") }, "invalid_grant"},
		{"other grant", 0, func(f url.Values) { f.Set("grant_type", "password") }, "unsupported_grant_type"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := pagerdutytest.New()
				form := redeem(agree(t, fake, func(url.Values) {}).Get("code"))
				time.Sleep(tt.wait)
				tt.change(form)
				body := post(t, fake, form)
				if at(body, "error") != tt.want || has(body, "access_token") != (tt.want == nil) {
					t.Fatalf("answer %v, want error %v", body, tt.want)
				}
				if tt.want != nil {
					return
				}
				if again := post(t, fake, form); at(again, "error") != "invalid_grant" {
					t.Errorf("second time %v, want a refusal", again)
				}
				if status, _ := as(t, fake, "Bearer "+at(body, "access_token").(string), "", "GET", "/users/me", ""); status != 401 {
					t.Errorf("the token of a code that was used twice answers %d, want 401", status)
				}
			})
		})
	}
}

func TestIDTokenTellsTheRegion(t *testing.T) {
	t.Parallel()
	for want, fake := range map[string]*pagerdutytest.Server{
		"https://api.pagerduty.com":    pagerdutytest.New(),
		"https://api.eu.pagerduty.com": pagerdutytest.New(pagerdutytest.WithEU()),
	} {
		token, _ := at(consent(t, fake, "openid"), "id_token").(string)
		parts := strings.Split(token, ".")
		claims, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil || len(parts) != 3 || !strings.Contains(string(claims), `"`+want+`"`) {
			t.Errorf("claims %s, %v; want the audience %s", claims, err, want)
		}
	}
}

func TestRefreshTokensAreSingleUse(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	refresh := func(token any) any {
		return post(t, fake, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.(string)}})
	}
	works := func(token any) bool {
		status, _ := as(t, fake, "Bearer "+token.(string), "", "GET", "/users/me", "")
		return status == 200
	}
	first := consent(t, fake, "incidents.read")
	second := refresh(at(first, "refresh_token"))
	if at(first, "refresh_token") == at(second, "refresh_token") || !works(at(second, "access_token")) {
		t.Errorf("second tokens %v, want good ones and a refresh token of their own", second)
	}
	if again := refresh(at(first, "refresh_token")); at(again, "error") != "invalid_grant" {
		t.Errorf("used refresh token gives %v, want a refusal", again)
	}
	if works(at(second, "access_token")) {
		t.Error("the grant lives on, although one of its refresh tokens came twice")
	}
	if after := refresh(at(second, "refresh_token")); at(after, "error") != "invalid_grant" {
		t.Errorf("refresh token of a dead grant gives %v, want a refusal", after)
	}
}

func TestTokensHaveAPlusThatWantsEncoding(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	token, _ := at(consent(t, fake, "incidents.read"), "refresh_token").(string)
	if !strings.Contains(token, "+") {
		t.Fatalf("refresh token %q, want a plus in it", token)
	}
	id, secret, _ := fake.Credentials()
	form := "grant_type=refresh_token&client_id=" + id + "&client_secret=" + url.QueryEscape(secret) + "&refresh_token="
	if body := postRaw(t, fake, form+token); at(body, "error") != "invalid_grant" {
		t.Errorf("token as it is gives %v, want a refusal", body)
	}
	if body := postRaw(t, fake, form+url.QueryEscape(token)); at(body, "error") != nil {
		t.Errorf("encoded token gives %v, want tokens", body)
	}
}

func TestAppTokensAreGrantedInPart(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New(pagerdutytest.WithAppScopes("incidents.read"))
	ask := func(scope string) any {
		return post(t, fake, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}})
	}
	body := ask("as_account-us.example incidents.read incidents.write nonsense")
	if got := at(body, "scope"); got != "as_account-us.example incidents.read" || has(body, "refresh_token") {
		t.Errorf("answer %v, want the scopes that the app has and no refresh token", body)
	}
	for _, scope := range []string{"incidents.read", "as_account-eu.example incidents.read", "as_account-us.other incidents.read"} {
		if body := ask(scope); at(body, "error") != "invalid_scope" {
			t.Errorf("%s gives %v, want invalid_scope", scope, body)
		}
	}
	if body := postRaw(t, fake, "grant_type=client_credentials&client_id=x&client_secret=y"); at(body, "error") != "invalid_client" {
		t.Errorf("strangers get %v, want invalid_client", body)
	}
}

func TestTokensEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := pagerdutytest.New()
		tokens := consent(t, fake, "incidents.read")
		access, _ := at(tokens, "access_token").(string)
		var got []int
		look := func() {
			status, _ := as(t, fake, "Bearer "+access, "", "GET", "/users/me", "")
			got = append(got, status)
		}
		look()
		time.Sleep(24*time.Hour - time.Second)
		look()
		time.Sleep(time.Second)
		look()
		fake.RevokeTokens()
		body := post(t, fake, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {at(tokens, "refresh_token").(string)}})
		if diff := cmp.Diff([]int{200, 200, 401}, got); diff != "" || at(body, "error") != "invalid_grant" {
			t.Errorf("after the revocation %v; statuses (-want +got):\n%s", body, diff)
		}
	})
}

package conformance_test

import (
	"crypto/rand"
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// life is the whole life of an installed app, with a recorder.
type life struct {
	*secretRecorder
	*server

	t         *testing.T
	pagerDuty *pagerdutytest.Server
	zoom      *zoomtest.Server
	browser   *http.Client
	folder    string // the store's
}

const apiToken = "the-api-token"

func newLife(t *testing.T) *life {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	l := &life{
		secretRecorder: newSecretRecorder(), t: t, folder: t.TempDir(),
		pagerDuty: pagerdutytest.New(), zoom: zoomtest.New(zoomtest.WithAdminApp()),
	}
	l.browser = &http.Client{Jar: jar, Transport: l.secretRecorder}
	l.zoom.AddUser("boss@example.com", func(u *zoomtest.User) { u.Role = "Owner" })
	l.pagerDuty.SignIn(l.pagerDuty.AddUser("boss@example.com", func(u *pagerdutytest.User) { u.Role = "owner" }))
	zoom, pagerDuty := l.vendor(t, l.zoom.Handler()), l.vendor(t, l.pagerDuty.Handler())

	key := base64.StdEncoding.EncodeToString([]byte(rand.Text() + rand.Text())[:32])
	zoomClient, zoomSecret := l.zoom.AppCredentials()
	client, secret, _ := l.pagerDuty.Credentials()
	for what, value := range map[string]string{
		"STORE_KEYS": key, "ACTION_TOKENS": apiToken, "ZOOM_CLIENT_SECRET": zoomSecret,
		"ZOOM_WEBHOOK_SECRETS": l.zoom.WebhookSecret(), "PAGERDUTY_CLIENT_SECRET": secret,
	} {
		l.secret(what, value)
	}
	l.server = start(t, build(t), "LOG_LEVEL=debug",
		"STORE_URL=sqlite:"+filepath.Join(l.folder, "ledger.db"), "STORE_KEYS=k:"+key, "ACTION_TOKENS="+apiToken,
		"ZOOM_CLIENT_ID="+zoomClient, "ZOOM_CLIENT_SECRET="+zoomSecret, "ZOOM_WEBHOOK_SECRETS="+l.zoom.WebhookSecret(),
		"ZOOM_API_URL="+zoom+"/v2", "ZOOM_OAUTH_URL="+zoom+"/oauth",
		"PAGERDUTY_CLIENT_ID="+client, "PAGERDUTY_CLIENT_SECRET="+secret,
		"PAGERDUTY_API_URL="+pagerDuty, "PAGERDUTY_OAUTH_URL="+pagerDuty+"/oauth",
	)
	return l
}

// send sends a request to the program, or where it leads, and returns the last answer.
func (l *life) send(method, address, token string, form url.Values) (status int, body, at string) {
	l.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = l.url + address
	}
	r, err := http.NewRequestWithContext(l.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		l.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html,*/*;q=0.8")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", l.url)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := l.browser.Do(r)
	if err != nil {
		l.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return response.StatusCode, string(text), response.Request.URL.String()
}

// follow takes the page's link with this label, wherever it leads.
func (l *life) follow(page, label string) (body, at string) {
	l.t.Helper()
	link := regexp.MustCompile(`href="([^"]*)"[^>]*>` + regexp.QuoteMeta(label) + `<`).FindStringSubmatch(page)
	if link == nil {
		l.t.Fatalf("no link %q on the page:\n%s", label, page)
	}
	_, body, at = l.send(http.MethodGet, html.UnescapeString(link[1]), "", nil)
	return body, at
}

// install clicks through both consents.
func (l *life) install() {
	l.t.Helper()
	_, page, _ := l.send(http.MethodGet, "/install?services=PSHOP01", "", nil)
	_, at := l.follow(page, "Begin")
	l.pagerDuty.Deliver(l.t.Context(), l.secretRecorder)
	if _, page, _ = l.send(http.MethodGet, at, "", nil); !strings.Contains(page, "PagerDuty reaches us ✓") {
		l.t.Fatalf("the install ends at %s:\n%s", at, page)
	}
}

// press logs in where that is asked for, and presses the button of the incident's page.
func (l *life) press(incident string) (page string) {
	l.t.Helper()
	_, page, _ = l.send(http.MethodGet, "/incidents/"+incident, "", nil)
	if strings.Contains(page, "Log in with PagerDuty") {
		page, _ = l.follow(page, "Log in with PagerDuty")
	}
	token := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(page)
	if token == nil {
		l.t.Fatalf("no button on the page:\n%s", page)
	}
	_, page, _ = l.send(http.MethodPost, "/incidents/"+incident, "", url.Values{"token": {token[1]}})
	return page
}

// api calls the API for an incident, and fails when it does not answer with this status.
func (l *life) api(method, incident string, want int) string {
	l.t.Helper()
	status, body, _ := l.send(method, "/api/v1/incidents/"+incident+"/bridge", apiToken, nil)
	if status != want {
		l.t.Errorf("%s of %s: %d, want %d: %s", method, incident, status, want, body)
	}
	return body
}

// tell delivers an event of Zoom's.
func (l *life) tell(delivery zoomtest.Delivery) {
	l.t.Helper()
	r, err := delivery.Request(l.t.Context(), l.url+"/webhooks/zoom")
	if err != nil {
		l.t.Fatal(err)
	}
	response, err := l.browser.Do(r)
	if err != nil {
		l.t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		l.t.Errorf("Zoom's event is answered with %d", response.StatusCode)
	}
}

// kept is every byte of the store.
func (l *life) kept() string {
	l.t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(l.folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all.Write(content)
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return all.String()
}

// checkStore looks for secrets in what is stored at this moment.
func (l *life) checkStore(when string) {
	l.t.Helper()
	kept := l.kept()
	if !strings.Contains(kept, "grant/default/zoom") {
		l.t.Errorf("%s: the store is not where the test looks", when)
	}
	if leaked := l.leaked(kept); len(leaked) > 0 {
		l.t.Errorf("%s the store holds %q", when, leaked)
	}
}

// TestNothingSecretIsTold leads the program from the install to the uninstall, through
// failures of both vendors, and looks for every token, secret, start link and passcode in
// whatever it answered, logged, stored or wrote to an incident.
func TestNothingSecretIsTold(t *testing.T) {
	t.Parallel()
	l := newLife(t)
	incident := func(title string) string { return l.pagerDuty.AddIncident(title) }

	l.api(http.MethodPost, incident("Before the install"), http.StatusConflict)
	l.install()
	l.checkStore("after the install")

	clicked, called, pressed := incident("Clicked"), incident("Called"), incident("Pressed")
	if page := l.press(clicked); !strings.Contains(page, "Join the call") {
		t.Fatalf("the click ends at\n%s", page)
	}
	l.send(http.MethodGet, "/", "", nil)
	opened := l.api(http.MethodPost, called, http.StatusCreated)
	l.pagerDuty.Press(l.pagerDuty.Extensions()[0].ID, pressed, "")
	l.pagerDuty.Deliver(t.Context(), l.secretRecorder)
	for _, meeting := range l.zoom.Meetings() {
		l.tell(l.zoom.Webhook(zoomtest.Event{Type: "meeting.started", MeetingID: meeting.ID}))
	}
	l.checkStore("while calls are open")
	if len(found(l.codes, opened)) == 0 {
		t.Errorf("no passcode is in %s: the recorder is blind", opened)
	}

	l.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Answer(http.StatusBadRequest, echo(l.zoom.Requests(zoomtest.CreateMeeting)[0].Header)).Always())
	l.api(http.MethodPost, incident("Zoom tells what it got"), http.StatusBadGateway)
	l.zoom.ClearFaults()
	l.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Truncate())
	l.api(http.MethodPost, incident("Half an answer"), http.StatusCreated)
	l.pagerDuty.Fault(pagerdutytest.UpdateIncident,
		pagerdutytest.Answer(http.StatusBadRequest, echo(l.pagerDuty.Requests(pagerdutytest.UpdateIncident)[0].Header)).Always())
	l.api(http.MethodPost, incident("PagerDuty refuses"), http.StatusBadGateway)
	l.pagerDuty.ClearFaults()
	l.pagerDuty.Fault(pagerdutytest.UpdateIncident, pagerdutytest.ResetAfter().Always())
	l.api(http.MethodPost, incident("PagerDuty is cut off"), http.StatusAccepted)
	l.pagerDuty.ClearFaults()
	l.zoom.ExpireTokens()
	l.pagerDuty.ExpireTokens()
	l.api(http.MethodPost, incident("Every token is renewed"), http.StatusCreated)
	l.api(http.MethodDelete, called, http.StatusAccepted)
	l.api(http.MethodGet, called, http.StatusOK)

	code := l.any("code")
	l.send(http.MethodGet, "/oauth/zoom/callback?code="+code+"&state=made-up", "", nil)
	l.send(http.MethodGet, "/oauth/pagerduty/callback?code="+code, "", nil)
	l.pagerDuty.RevokeTokens()
	l.api(http.MethodPost, incident("PagerDuty forgot us"), http.StatusConflict)
	l.press(incident("The page says how to mend it"))
	l.install()
	l.api(http.MethodPost, incident("Mended"), http.StatusCreated)
	l.send(http.MethodGet, "/metrics", apiToken, nil)

	l.tell(l.zoom.Uninstall("boss@example.com"))
	l.api(http.MethodPost, incident("After the uninstall"), http.StatusConflict)
	l.checkStore("after the uninstall")

	l.checkAnswers()
	if leaked := l.leaked(l.log.String()); len(leaked) > 0 {
		t.Errorf("the log has %q:\n%s", leaked, l.log)
	}
	for _, request := range l.pagerDuty.Requests(pagerdutytest.AddNote) {
		if leaked := l.leaked(string(request.Body)); len(leaked) > 0 {
			t.Errorf("a note has %q: %s", leaked, request.Body)
		}
	}
}

// echo is a refusal by a vendor that repeats the token it was called with.
func echo(request http.Header) string {
	return `{"code":300,"message":"` + strings.TrimPrefix(request.Get("Authorization"), "Bearer ") + ` may not"}`
}

// checkAnswers looks through what the program answered. Passcodes are for those who may
// open a bridge.
func (l *life) checkAnswers() {
	l.t.Helper()
	toCallers := regexp.MustCompile(`^[^/]+/(|incidents/\w+|api/v1/incidents/\w+/bridge|actions/pagerduty|webhooks/pagerduty)$`)
	ours := strings.TrimPrefix(l.url, "http://")
	count := 0
	for _, a := range l.answers {
		if !strings.HasPrefix(a.path, ours) {
			continue
		}
		count++
		leaked := found(l.tokens, a.text)
		if a.status >= http.StatusBadRequest || !toCallers.MatchString(a.path) {
			leaked = append(leaked, found(l.codes, a.text)...)
		}
		if len(leaked) > 0 {
			l.t.Errorf("%s %s: %d tells %q:\n%s", a.method, a.path, a.status, leaked, a.text)
		}
	}
	kinds := map[string]int{}
	for _, kind := range l.tokens {
		kinds[kind]++
	}
	for _, kind := range l.codes {
		kinds[kind]++
	}
	l.t.Logf("%d answers, and %d bytes of log; looked for %v", count, len(l.log.String()), kinds)
	for _, kind := range []string{
		"access_token", "refresh_token", "secret", "client_secret", "start_url", "zak", "code", "code_verifier", "password",
		"pstn_password", "pwd", "the button's token",
	} {
		if kinds[kind] == 0 {
			l.t.Errorf("the recorder saw no %s", kind)
		}
	}
}

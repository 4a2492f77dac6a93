package nethttp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

const (
	loginPath      = "/login"
	beginLoginPath = "/login/pagerduty"
	logoutPath     = "/logout"
)

// Why a login was refused.
var (
	errOtherAccount = errors.New("not a user of this PagerDuty account")
	errAccessDenied = errors.New("PagerDuty returned no authorization code")
)

// loginFlow logs in the users of one PagerDuty account.
type loginFlow struct {
	app            *pagerduty.OAuth
	account        *pagerduty.Client // of the account whose users may log in
	site           *site
	sessions       *sessions
	checkInstalled installCheck
	view           *view
	logger         *slog.Logger
}

func (l *loginFlow) routes() []route {
	return []route{
		{"GET " + loginPath, pageBudget, public, l.loginPage},
		{"GET " + beginLoginPath, pageBudget, public, l.begin},
		{"POST " + logoutPath, pageBudget, public, l.requireSession(l.logout)},
	}
}

// installCheck returns nil while the app is installed, install.ErrNotInstalled when it is
// not, and another error when the store does not tell.
type installCheck func(context.Context) error

// installCheckOf always passes without an installation: the app is then not installed by
// consent.
func installCheckOf(i *install.Installation) installCheck {
	return func(ctx context.Context) error {
		if i == nil {
			return nil
		}
		_, err := i.Current(ctx)
		return err
	}
}

// sessionWork answers a request of a person who is logged in.
type sessionWork func(ctx context.Context, r *http.Request, s *session) response

// requireSession runs work for people who are logged in, and sends everyone else to the
// login. It refuses forms that are not ours.
func (l *loginFlow) requireSession(work sessionWork) work {
	return func(ctx context.Context, r *http.Request, body []byte) response {
		s, err := l.sessions.find(ctx, r)
		if errors.Is(err, errNoSession) {
			return seeOther(loginPath + "?back=" + url.QueryEscape(pagePath(r)))
		}
		if err != nil {
			return l.view.storeFailed(ctx, err)
		}
		// A replica may still have a token in memory when the app has been removed.
		if err := l.checkInstalled(ctx); err != nil {
			return l.notInstalled(ctx, err)
		}
		if r.Method == http.MethodPost {
			form, err := url.ParseQuery(string(body))
			if err == nil {
				err = l.sessions.checkForm(r, form, s)
			}
			if err != nil {
				return l.formRefused(err, r)
			}
		}
		return work(ctx, r, s)
	}
}

// pagePath is the page that a request is for, or that its form is on.
func pagePath(r *http.Request) string {
	if r.URL.Path == logoutPath {
		return "/"
	}
	return r.URL.EscapedPath()
}

func (l *loginFlow) notInstalled(ctx context.Context, err error) response {
	if errors.Is(err, install.ErrNotInstalled) {
		return l.view.needsInstall(codeNotInstalled)
	}
	return l.view.storeFailed(ctx, err)
}

func (l *loginFlow) formRefused(err error, r *http.Request) response {
	line := "The page was too old. Open it again and press the button there."
	if errors.Is(err, errForeignForm) {
		line = "The request came from another site. Open the page here and press the button there."
	}
	return l.view.noticePage(http.StatusForbidden, "Nothing was done", notice{
		Lines: []string{line},
		Next:  []link{{pagePath(r), "Open the page"}},
		Code:  codeForbidden,
	})
}

// loginPage has the button that leads to PagerDuty.
func (l *loginFlow) loginPage(ctx context.Context, r *http.Request, _ []byte) response {
	back := localPath(r.URL.Query().Get("back"))
	if _, err := l.sessions.find(ctx, r); err == nil {
		return seeOther(back)
	}
	return l.view.noticePage(http.StatusOK, "Log in", notice{
		Lines: []string{"Incidents and their calls are shown to the users of your PagerDuty account."},
		Next:  []link{{beginLoginPath + "?back=" + url.QueryEscape(back), "Log in with PagerDuty"}},
	})
}

// begin sends the browser to PagerDuty.
func (l *loginFlow) begin(ctx context.Context, r *http.Request, _ []byte) response {
	started, err := l.site.states.begin(ctx, forLogin, r.URL.Query().Get("back"), nil)
	if err != nil {
		return l.view.storeFailed(ctx, err)
	}
	return seeOther(l.app.AuthCodeURL(started.state, started.verifier)).withCookie(started.cookie)
}

// finish exchanges the code and logs in the user that it belongs to.
func (l *loginFlow) finish(ctx context.Context, r *http.Request, _ install.Vendor, f *flow, code string) response {
	if code == "" {
		return l.failed(errAccessDenied, f.returnPath)
	}
	if err := l.checkInstalled(ctx); err != nil {
		return l.notInstalled(ctx, err)
	}
	s, err := l.identify(ctx, code, f.verifier)
	if err != nil {
		l.logger.LogAttrs(ctx, slog.LevelWarn, "login failed", slog.Any("error", err))
		return l.failed(err, f.returnPath)
	}
	if _, err := l.sessions.end(ctx, r); err != nil { // an earlier login in this browser
		return l.view.storeFailed(ctx, err)
	}
	cookie, err := l.sessions.begin(ctx, *s)
	if err != nil {
		return l.view.storeFailed(ctx, err)
	}
	return seeOther(f.returnPath).withCookie(cookie)
}

func (l *loginFlow) reject(_ context.Context, _ install.Vendor, _ *flow, err error) response {
	return l.failed(err, "/")
}

// identify finds the user that a code belongs to. The user's tokens are not kept: roles
// are read with the service's own.
func (l *loginFlow) identify(ctx context.Context, code, verifier string) (*session, error) {
	token, err := l.app.Exchange(ctx, code, verifier)
	if err != nil {
		return nil, err
	}
	return l.accountUser(ctx, token)
}

// accountUser returns the account's user that the token stands for. Ids of two PagerDuty
// regions may be the same, so it is not enough that the account's client finds the id:
// the user's page must also be on the host of the account that the user logged in at.
func (l *loginFlow) accountUser(ctx context.Context, token *oauth2.Token) (*session, error) {
	identity, err := pagerduty.IdentityOf(token)
	if err != nil {
		return nil, err
	}
	user, err := l.account.User(ctx, identity.UserID)
	if errors.Is(err, pagerduty.ErrNotFound) {
		return nil, fmt.Errorf("%w: no user %s", errOtherAccount, identity.UserID)
	}
	if err != nil {
		return nil, err
	}
	home, subdomain := accountOf(user.HTMLURL)
	if subdomain != "" && identity.Subdomain != "" && subdomain != identity.Subdomain {
		return nil, fmt.Errorf("%w: %s belongs to %s", errOtherAccount, identity.UserID, identity.Subdomain)
	}
	return &session{User: user.ID, Name: user.Name, Home: home}, nil
}

// accountOf reads an account's address and subdomain from the address of a page in it.
// Both are empty for any other address.
func accountOf(htmlURL string) (home, subdomain string) {
	u, err := url.Parse(htmlURL)
	if err != nil || u.Scheme != "https" || !strings.HasSuffix(u.Host, ".pagerduty.com") {
		return "", ""
	}
	subdomain, _, _ = strings.Cut(strings.ToLower(u.Host), ".")
	return "https://" + u.Host, subdomain
}

// logout ends the session, in this browser and wherever else its cookie is.
func (l *loginFlow) logout(ctx context.Context, r *http.Request, _ *session) response {
	cookie, err := l.sessions.end(ctx, r)
	if err != nil {
		return l.view.storeFailed(ctx, err)
	}
	return seeOther(loginPath).withCookie(cookie)
}

// failed tells why nobody was logged in, and what to do.
func (l *loginFlow) failed(err error, returnPath string) response {
	const notLoggedIn = "You are not logged in"
	again := []link{{beginLoginPath + "?back=" + url.QueryEscape(returnPath), "Try again"}}
	switch {
	case errors.Is(err, errOtherAccount):
		return l.view.noticePage(http.StatusForbidden, "This is another PagerDuty account", notice{
			Lines: []string{
				"You are logged in at PagerDuty as a user of another account than the one that this service works for.",
				"Log out at PagerDuty, log in to the right account, and try again.",
			},
			Next: again, Code: codeForbidden,
		})
	case errors.Is(err, errAccessDenied):
		return l.view.noticePage(http.StatusForbidden, notLoggedIn, notice{
			Lines: []string{
				"PagerDuty did not allow the login: it was denied there, or this app may not ask. Nothing was changed.",
			},
			Next: again, Code: codeForbidden,
		})
	case errors.Is(err, tokenstore.ErrNotInstalled):
		return l.view.needsInstall(codeNotInstalled)
	case errors.Is(err, tokenstore.ErrReauthorize):
		return l.view.needsInstall(codeReauthorize)
	case errors.Is(err, errOtherBrowser):
		return l.view.noticePage(http.StatusBadRequest, notLoggedIn, notice{
			Lines: []string{
				"The login was started in another browser, or this browser does not keep cookies. Start it here.",
			},
			Next: again, Code: codeBadRequest,
		})
	case errors.Is(err, pagerduty.ErrGrant), isStateError(err):
		return l.view.noticePage(http.StatusBadRequest, notLoggedIn, notice{
			Lines: []string{"The login took too long, or its address was opened twice. Try again."},
			Next:  again, Code: codeBadRequest,
		})
	default:
		return l.view.noticePage(http.StatusBadGateway, notLoggedIn, notice{
			Lines: []string{"PagerDuty did not answer the question who you are. Try again in a moment."},
			Next:  again, Code: codeUpstreamPagerDuty,
		})
	}
}

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

// login lets the users of one PagerDuty account in.
type login struct {
	app     *pagerduty.OAuth
	account *pagerduty.Client // of the account whose users may come in
}

// Why nobody was logged in.
var (
	errStranger = errors.New("not a user of this PagerDuty account")
	errDenied   = errors.New("PagerDuty gave no code")
)

// forVisitors serves those who are logged in, and sends everybody else to the login. A form is served only when it is one
// of ours.
func (h *Handler) forVisitors(serve func(ctx context.Context, r *http.Request, who *session) answer) work {
	return func(ctx context.Context, r *http.Request, body []byte) answer {
		if h.login == nil {
			return h.noLogin()
		}
		who, err := h.site.session(ctx, r)
		if errors.Is(err, errNoSession) {
			return seeOther(loginPath + "?back=" + url.QueryEscape(pageOf(r)))
		}
		if err != nil {
			return h.storeFailed(ctx, err)
		}
		if gone := h.notInstalled(ctx); gone != nil {
			return *gone
		}
		if r.Method == http.MethodPost {
			form, err := url.ParseQuery(string(body))
			if err == nil {
				err = h.site.antiForgery(r, form, who)
			}
			if err != nil {
				return h.formRefused(err, r)
			}
		}
		return serve(ctx, r, who)
	}
}

// pageOf is the page that a request is for, or that its form stands on.
func pageOf(r *http.Request) string {
	if r.URL.Path == logoutPath {
		return "/"
	}
	return r.URL.EscapedPath()
}

func (h *Handler) formRefused(err error, r *http.Request) answer {
	return h.tell(http.StatusForbidden, "Nothing was done", notice{
		Said:   []string{"The button belongs to a page that is too old, or not ours. Open the page again and press it there."},
		Next:   []way{{pageOf(r), "Open the page"}},
		Code:   codeForbidden,
		Detail: err.Error(),
	})
}

// loginPage has the one button that leads to PagerDuty.
func (h *Handler) loginPage(ctx context.Context, r *http.Request, _ []byte) answer {
	if h.login == nil {
		return h.noLogin()
	}
	back := localPath(r.URL.Query().Get("back"))
	if _, err := h.site.session(ctx, r); err == nil {
		return seeOther(back)
	}
	return h.tell(http.StatusOK, "Log in", notice{
		Said: []string{"Incidents and their calls are shown to the users of your PagerDuty account."},
		Next: []way{{beginLoginPath + "?back=" + url.QueryEscape(back), "Log in with PagerDuty"}},
	})
}

// beginLogin sends the browser to PagerDuty.
func (h *Handler) beginLogin(ctx context.Context, r *http.Request, _ []byte) answer {
	if h.login == nil {
		return h.noLogin()
	}
	started, err := h.site.states.begin(ctx, forLogin, r.URL.Query().Get("back"), nil)
	if err != nil {
		return h.storeFailed(ctx, err)
	}
	return seeOther(h.login.app.AuthCodeURL(started.state, started.verifier)).withCookie(started.cookie)
}

// finishLogin takes the code that PagerDuty sent the browser back with, and logs in whom it belongs to.
func (h *Handler) finishLogin(ctx context.Context, r *http.Request, f *flow, code string) answer {
	if h.login == nil {
		return h.noLogin()
	}
	if gone := h.notInstalled(ctx); gone != nil {
		return *gone
	}
	who, err := h.login.identify(ctx, code, f.verifier)
	if err != nil {
		h.logger.LogAttrs(ctx, slog.LevelWarn, "nobody was logged in", slog.Any("error", err))
		return h.loginFailed(err, f.back)
	}
	if _, err := h.site.end(ctx, r); err != nil { // whoever was logged in here before
		return h.storeFailed(ctx, err)
	}
	cookie, err := h.site.begin(ctx, *who)
	if err != nil {
		return h.storeFailed(ctx, err)
	}
	return seeOther(f.back).withCookie(cookie)
}

// identify finds out whose the code is. The tokens that come with it are not kept: who may do what is asked with the
// installation's own.
func (l *login) identify(ctx context.Context, code, verifier string) (*session, error) {
	token, err := l.app.Exchange(ctx, code, verifier)
	if err != nil {
		return nil, err
	}
	return l.member(ctx, token)
}

// member returns the user of the account whom the token stands for. A user belongs to the account when its own client
// finds them, and when the page that it finds is on the host of the account that the user logged in at: ids of two regions
// may be the same.
func (l *login) member(ctx context.Context, token *oauth2.Token) (*session, error) {
	identity, err := pagerduty.IdentityOf(token)
	if err != nil {
		return nil, err
	}
	user, err := l.account.User(ctx, identity.UserID)
	if errors.Is(err, pagerduty.ErrNotFound) {
		return nil, fmt.Errorf("%w: %s is unknown in it", errStranger, identity.UserID)
	}
	if err != nil {
		return nil, err
	}
	home, account := homeOf(user.HTMLURL)
	if account != "" && identity.Subdomain != "" && account != identity.Subdomain {
		return nil, fmt.Errorf("%w: %s is of %s", errStranger, identity.UserID, identity.Subdomain)
	}
	return &session{User: user.ID, Name: user.Name, Home: home}, nil
}

// homeOf reads an account's address and subdomain from the address of a page in it; nothing when it tells none.
func homeOf(htmlURL string) (home, subdomain string) {
	u, err := url.Parse(htmlURL)
	if err != nil || u.Scheme != "https" || !strings.HasSuffix(u.Host, ".pagerduty.com") {
		return "", ""
	}
	subdomain, _, _ = strings.Cut(strings.ToLower(u.Host), ".")
	return "https://" + u.Host, subdomain
}

// logout ends the session, here and wherever else its cookie is.
func (h *Handler) logout(ctx context.Context, r *http.Request, _ *session) answer {
	cookie, err := h.site.end(ctx, r)
	if err != nil {
		return h.storeFailed(ctx, err)
	}
	return seeOther(loginPath).withCookie(cookie)
}

func (h *Handler) loginFailed(err error, back string) answer {
	again := []way{{beginLoginPath + "?back=" + url.QueryEscape(back), "Try again"}}
	switch {
	case errors.Is(err, errStranger):
		return h.tell(http.StatusForbidden, "This is another PagerDuty account", notice{
			Said: []string{
				"You are logged in at PagerDuty as somebody who is not a user of the account that this service works for.",
				"Log out at PagerDuty, log in to the right account, and try again.",
			},
			Next: again, Code: codeForbidden,
		})
	case errors.Is(err, errDenied):
		return h.tell(http.StatusForbidden, "You are not logged in", notice{
			Said: []string{"PagerDuty was told not to let you in here, or does not let this app ask. Nothing was changed."},
			Next: again, Code: codeForbidden,
		})
	case errors.Is(err, tokenstore.ErrNotInstalled):
		return h.needsInstall(codeNotInstalled)
	case errors.Is(err, tokenstore.ErrReauthorize):
		return h.needsInstall(codeReauthorize)
	case errors.Is(err, errOtherBrowser):
		return h.tell(http.StatusBadRequest, "You are not logged in", notice{
			Said: []string{"This login was begun in another browser, or this one keeps no cookies. Begin it here."},
			Next: again, Code: codeBadRequest,
		})
	case errors.Is(err, pagerduty.ErrGrant), errors.Is(err, errNoState), errors.Is(err, errUnknownState),
		errors.Is(err, errUsedState), errors.Is(err, errExpiredState):
		return h.tell(http.StatusBadRequest, "You are not logged in", notice{
			Said: []string{"The login took too long, or its address was opened twice."},
			Next: again, Code: codeBadRequest,
		})
	default:
		return h.tell(http.StatusBadGateway, "You are not logged in", notice{
			Said: []string{"PagerDuty could not tell who you are just now. Try again in a moment."},
			Next: again, Code: codeUpstreamPagerDuty,
		})
	}
}

// notInstalled answers in the place of every page when the app was removed: a replica may still have a token in memory.
func (h *Handler) notInstalled(ctx context.Context) *answer {
	if h.installation == nil {
		return nil
	}
	_, err := h.installation.Current(ctx)
	if err == nil {
		return nil
	}
	a := h.storeFailed(ctx, err)
	if errors.Is(err, install.ErrNotInstalled) {
		a = h.needsInstall(codeNotInstalled)
	}
	return &a
}

// needsInstall tells that nobody can log in before the app is installed, or installed again.
func (h *Handler) needsInstall(code string) answer {
	title, said := wordsFor(code)
	return h.tell(http.StatusConflict, title, notice{Said: said, Next: h.mend(code), Code: code})
}

// noLogin stands in for every page when nobody can log in.
func (h *Handler) noLogin() answer {
	return h.tell(http.StatusNotFound, "There are no pages here", notice{
		Said: []string{
			"Incidents and their calls are shown only to people who log in with PagerDuty, and this service has no login set up.",
			"Whoever runs it can change that with an OAuth app at PagerDuty: PAGERDUTY_CLIENT_ID and PAGERDUTY_CLIENT_SECRET.",
		},
		Code: codeNotFound,
	})
}

// storeFailed tells that nothing can be read or kept just now.
func (h *Handler) storeFailed(ctx context.Context, err error) answer {
	h.logger.LogAttrs(ctx, slog.LevelError, "the store does not answer", slog.Any("error", err))
	return h.tell(http.StatusServiceUnavailable, "Try again in a moment", notice{
		Said: []string{"This service cannot reach its store just now, so it does not know who you are."},
		Code: codeUnavailable,
	}).retryAfter(defaultRetry)
}

package nethttp

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strings"
)

//go:embed assets templates
var files embed.FS

// view renders the pages. No page needs script, and nothing on them comes from elsewhere.
// Their security headers let a form lead to our own pages only: vendors are reached by a
// link.
type view struct {
	templates   map[string]*template.Template // each with the layout around it, by name without .html
	logger      *slog.Logger
	installable bool // there is an install flow to link to
}

// page is what a browser is shown: one of the templates inside the layout.
type page struct {
	template string // its name without .html

	Title   string
	Refresh int          // seconds until the browser reloads it; 0: never
	Session *sessionView // nil: nobody is logged in
	Content any          // what the template shows
}

// sessionView is who is logged in, as the layout shows it.
type sessionView struct {
	Name  string
	Token string // for every form: see sessions.checkForm
}

// notice is a page of a few sentences: what happened, and what to do about it.
type notice struct {
	Lines []string
	Next  []link
	Code  string // for the person who is asked for help; may be empty
}

// link leads to another page. The first link of a notice is shown as its main button.
type link struct{ Href, Label string }

func newView(logger *slog.Logger, installable bool) (*view, error) {
	const layout, suffix = "templates/layout.html", ".html"
	base, err := template.ParseFS(files, layout)
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "templates/*"+suffix)
	if err != nil {
		return nil, err
	}
	templates := map[string]*template.Template{}
	for _, name := range names {
		if name == layout {
			continue
		}
		t, err := base.Clone()
		if err != nil {
			return nil, err
		}
		if _, err := t.ParseFS(files, name); err != nil {
			return nil, err
		}
		templates[strings.TrimSuffix(path.Base(name), suffix)] = t
	}
	return &view{templates, logger, installable}, nil
}

// renderPage answers with a page, or with nothing of it if its template fails.
func (v *view) renderPage(status int, p page) response {
	var b bytes.Buffer
	if err := v.templates[p.template].ExecuteTemplate(&b, "layout.html", p); err != nil {
		panic(fmt.Errorf("page %s: %w", p.template, err)) // recoverPanic answers for it; tests render every template
	}
	return response{status: status, body: html(b.Bytes())}
}

// noticePage answers with a page of a few sentences.
func (v *view) noticePage(status int, title string, n notice) response {
	resp := v.renderPage(status, page{template: "notice", Title: title, Content: n})
	resp.code = n.Code
	return resp
}

// htmlProblem renders a response with a problem, which is for programs, as a page. It
// returns any other response unchanged.
func (v *view) htmlProblem(resp response, s *sessionView, links ...link) response {
	p, ok := resp.body.(problem)
	if !ok {
		return resp
	}
	title, lines := describeProblem(p)
	resp.body = v.renderPage(resp.status, page{
		template: "notice", Title: title, Session: s,
		Content: notice{Lines: lines, Next: append(links, v.recoveryLinks(p.Code)...), Code: p.Code},
	}).body
	return resp
}

// recoveryLinks leads to the install when that is what helps.
func (v *view) recoveryLinks(code string) []link {
	switch {
	case !v.installable:
		return nil
	case code == codeNotInstalled:
		return []link{{installPath, "Install it"}}
	case code == codeReauthorize:
		return []link{{installPath, "Install it again"}}
	}
	return nil
}

// storeFailed tells a browser that nothing can be read or stored at the moment.
func (v *view) storeFailed(ctx context.Context, err error) response {
	v.logger.LogAttrs(ctx, slog.LevelError, "store unavailable", slog.Any("error", err))
	return v.noticePage(http.StatusServiceUnavailable, "Try again in a moment", notice{
		Lines: []string{"The store of this service does not answer, so it cannot tell who you are."},
		Code:  codeUnavailable,
	}).retryAfter(defaultRetry)
}

// needsInstall tells that nobody can log in before the app is installed, or installed
// again.
func (v *view) needsInstall(code string) response {
	return v.htmlProblem(problemResponse(code, ""), nil)
}

// loginDisabled answers for every page when nobody can log in.
func (v *view) loginDisabled(context.Context, *http.Request, []byte) response {
	return v.noticePage(http.StatusNotFound, "There are no pages here", notice{
		Lines: []string{
			"This service shows incidents and their calls only to people who log in with PagerDuty, " +
				"and no login is set up.",
			"Its operator can set one up with an OAuth app at PagerDuty: " +
				"PAGERDUTY_CLIENT_ID and PAGERDUTY_CLIENT_SECRET.",
		},
		Code: codeNotFound,
	})
}

// disabledRoutes are the routes of the pages and of the login when nobody can log in.
func disabledRoutes(v *view) []route {
	return []route{
		{"GET /{$}", pageBudget, public, v.loginDisabled},
		{"GET /incidents/{id}", pageBudget, public, v.loginDisabled},
		{"POST /incidents/{id}", pageBudget, public, v.loginDisabled},
		{"GET " + loginPath, pageBudget, public, v.loginDisabled},
		{"GET " + beginLoginPath, pageBudget, public, v.loginDisabled},
		{"POST " + logoutPath, pageBudget, public, v.loginDisabled},
	}
}

// assetRoute serves an embedded file.
type assetRoute struct {
	pattern string
	respond responder
}

func assets() []assetRoute {
	serve := func(name, contentType string) responder {
		return func(http.ResponseWriter, *http.Request) response {
			data, err := files.ReadFile(path.Join("assets", name))
			if err != nil {
				panic(err) // it is embedded
			}
			return response{status: http.StatusOK, body: asset{contentType, data}}.with("Cache-Control", "max-age=300")
		}
	}
	return []assetRoute{
		{"GET /assets/style.css", serve("style.css", "text/css; charset=utf-8")},
		{"GET /assets/icon.svg", serve("icon.svg", "image/svg+xml")},
	}
}

package nethttp

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed assets templates
var files embed.FS

// page is what a browser is shown: one of the templates inside the layout. Nothing on it needs script, and nothing comes
// from elsewhere. Its security headers let a form lead to pages of ours alone: vendors are reached by a link.
type page struct {
	template string // in templates, without .html

	Title   string
	Refresh int      // seconds until the browser reads it again; 0: never
	Visitor *visitor // nil: nobody is logged in
	Content any      // what the template shows
}

// visitor is who is logged in, as the layout shows it.
type visitor struct {
	Name  string
	Token string // for every form: see antiForgery
}

// notice is a page of a few sentences: what happened, and what to do about it.
type notice struct {
	Said []string
	Next []way
	Code string // for whoever is asked for help; may be empty, as Detail may

	Detail string
}

// way is a link onward. The first of a page is its big button.
type way struct{ Href, Label string }

// html is the body of an answer that is a page.
type html []byte

// asset is the body of an answer that is a file of ours.
type asset struct {
	contentType string
	data        []byte
}

// pages are the templates, each with the layout around it.
type pages map[string]*template.Template

// parsePages reads what is compiled in.
func parsePages() (pages, error) {
	const layout, suffix = "templates/layout.html", ".html"
	around, err := template.ParseFS(files, layout)
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "templates/*"+suffix)
	if err != nil {
		return nil, err
	}
	all := pages{}
	for _, name := range names {
		if name == layout {
			continue
		}
		one, err := around.Clone()
		if err != nil {
			return nil, err
		}
		if _, err := one.ParseFS(files, name); err != nil {
			return nil, err
		}
		all[strings.TrimSuffix(path.Base(name), suffix)] = one
	}
	return all, nil
}

// show answers with a page. A template that fails shows nothing of it.
func (h *Handler) show(status int, p page) answer {
	var shown bytes.Buffer
	if err := h.pages[p.template].ExecuteTemplate(&shown, "layout.html", p); err != nil {
		panic(fmt.Errorf("page %s: %w", p.template, err)) // calmly answers for it; no test leaves one that fails
	}
	return answer{status: status, body: html(shown.Bytes())}
}

// tell answers with a page of a few sentences.
func (h *Handler) tell(status int, title string, n notice) answer {
	a := h.show(status, page{template: "notice", Title: title, Content: n})
	a.code = n.Code
	return a
}

// refuseVisitor tells somebody who is logged in what became of what they asked for.
func (h *Handler) refuseVisitor(err error, who *session, next ...way) answer {
	return h.inWords(failure(err), who.visitor(), next...)
}

// inWords turns a problem, which is for programs, into a page. Whatever else an answer is stays as it is.
func (h *Handler) inWords(a answer, who *visitor, next ...way) answer {
	p, ok := a.body.(problem)
	if !ok {
		return a
	}
	title, said := wordsFor(a.code)
	told := h.show(a.status, page{
		template: "notice", Title: title, Visitor: who,
		Content: notice{Said: said, Next: append(next, h.mend(a.code)...), Code: a.code, Detail: p.Detail},
	})
	a.body = told.body
	return a
}

// mend leads to the install when that is what helps.
func (h *Handler) mend(code string) []way {
	switch {
	case h.installation == nil:
		return nil
	case code == codeNotInstalled:
		return []way{{installPath, "Install it"}}
	case code == codeReauthorize:
		return []way{{installPath, "Install it again"}}
	}
	return nil
}

// seeOther sends a browser on. The location is a path of ours or an address of a vendor, never one that a request brought.
func seeOther(location string) answer {
	return answer{status: http.StatusSeeOther, body: html(nil)}.with("Location", location)
}

// guardPage lets a page load and send nothing but our own, be framed by nobody, and tell no other site where it was.
func guardPage(header http.Header) {
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "+
		"base-uri 'none'; frame-ancestors 'none'")
	// No other site is told anything. With no-referrer, our own forms would come without their Origin.
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// asset answers with the stylesheet or the icon.
func (h *Handler) asset(name, contentType string) responder {
	return func(http.ResponseWriter, *http.Request) answer {
		data, err := files.ReadFile(path.Join("assets", name))
		if err != nil {
			panic(err) // it is compiled in
		}
		return answer{status: http.StatusOK, body: asset{contentType, data}}.with("Cache-Control", "max-age=300")
	}
}

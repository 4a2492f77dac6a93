package demo

import (
	"bytes"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

// incidentPage is what the page of the incident shows.
type incidentPage struct {
	Title    string
	Refresh  bool // something goes on
	Incident incidentView
	Call     *callView // nil: none on the incident
	Act      *actView  // nil: nothing was done yet
	Open     buttonView
	Proofs   []buttonView
	Tally    tally
	Calls    []callRow
}

type incidentView struct {
	Number                 int
	Title, Urgency, Status string
	Service, Since         string
	Notes                  []string
}

// callView is the call as the incident shows it and as the ledger knows it.
type callView struct {
	Join           string   // a page of ours
	Number         []string // in pieces that stay together on a line
	Tel            string   // for a tel: link
	Host, Provider string
	Warnings       []string
}

type actView struct {
	Did, Told, Took string
	Running         bool
	State           bridge.State // of the ledger; empty: nothing yet
}

type buttonView struct {
	Path, Label, About string
	Disabled           bool
}

// callRow is a vendor call, how often it was made in a row, and when it first came, counted from the press of the
// button.
type callRow struct {
	call
	Path  []string // in pieces that stay together on a line
	Times int
	After string
}

// showIncident shows the scene as it is at this moment.
func (d *Demo) showIncident(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	s := *d.scene
	if s.act != nil {
		now := *s.act
		s.act = &now
	}
	d.mu.Unlock()

	b, err := d.bridge(r.Context(), s.incidentID)
	if err != nil {
		d.logger.ErrorContext(r.Context(), "demo: bridge not read", "incident_id", s.incidentID, "error", err)
		http.Error(w, "Demo: the ledger cannot be read", http.StatusInternalServerError)
		return
	}
	incident := d.vendors.pagerDuty.Incident(s.incidentID)
	d.show(w, r, http.StatusOK, "incident.html", incidentPage{
		Title:    incident.Title,
		Refresh:  s.act.running(),
		Incident: newIncidentView(incident),
		Call:     newCallView(incident, b),
		Act:      newActView(s.act, b),
		Open:     newButtonView(d.openButton(), s.act.running()),
		Proofs:   newButtonViews(d.proofs(), s.act.running()),
		Tally:    d.vendors.tally(&s),
		Calls:    newCallRows(d.vendors.calls(&s), s.act),
	})
}

// showCall is where Join leads: what would be Zoom's own page.
func (d *Demo) showCall(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	meeting, found := d.vendors.meeting(id)
	switch {
	case found:
		d.show(w, r, http.StatusOK, "call.html", map[string]string{
			"Title": meeting.Topic, "Host": meeting.Host, "ID": id,
		})
	case id == roomID:
		d.show(w, r, http.StatusOK, "call.html", map[string]string{"Title": "The fallback room"})
	default:
		d.showNothing(w, r)
	}
}

func (d *Demo) showNothing(w http.ResponseWriter, r *http.Request) {
	d.show(w, r, http.StatusNotFound, "nothing.html", map[string]string{"Title": "Nothing here"})
}

func showAsset(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, files, path.Join("assets", r.PathValue("file")))
}

// show writes a page, or nothing of it when the template fails.
func (d *Demo) show(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	var page bytes.Buffer
	if err := d.templates.ExecuteTemplate(&page, name, data); err != nil {
		d.logger.ErrorContext(r.Context(), "demo: page not written", "template", name, "error", err)
		http.Error(w, "Demo: this page cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // a client that left needs no page
}

func newIncidentView(i pagerdutytest.Incident) incidentView {
	view := incidentView{
		Number: i.Number, Title: i.Title, Urgency: capital(i.Urgency), Status: capital(i.Status),
		Service: i.Service.Summary, Since: i.CreatedAt.UTC().Format("15:04:05 MST"),
	}
	for _, note := range i.Notes {
		view.Notes = append(view.Notes, note.Content)
	}
	return view
}

// newCallView shows a call only when the incident does.
func newCallView(i pagerdutytest.Incident, b *bridge.Bridge) *callView {
	if i.Bridge.URL == "" && i.Bridge.DialIn == "" {
		return nil
	}
	view := &callView{Join: callPath + roomID, Number: pieces(i.Bridge.DialIn), Tel: tel(i.Bridge.DialIn)}
	if b.MeetingID != "" {
		view.Join = callPath + b.MeetingID
	}
	view.Host, view.Provider = b.Host, b.Provider
	for _, warning := range b.Warnings {
		if !noted(i, warning) {
			view.Warnings = append(view.Warnings, warning)
		}
	}
	return view
}

// noted says whether a note on the incident tells of a warning already.
func noted(i pagerdutytest.Incident, warning string) bool {
	return slices.ContainsFunc(i.Notes, func(n pagerdutytest.Note) bool {
		return strings.Contains(n.Content, warning)
	})
}

// tel writes a number as the part of a tel: link after the colon: digits, and the waits and keys that follow.
func tel(number string) string {
	var b strings.Builder
	for _, r := range number {
		switch {
		case r == '#':
			b.WriteString("%23")
		case strings.ContainsRune("+0123456789,*", r):
			b.WriteRune(r)
		}
	}
	return b.String()
}

// pieces cuts a number where a phone begins to wait.
func pieces(number string) []string {
	var all []string
	for number != "" {
		begin := len(number) - len(strings.TrimLeft(number, ","))
		end := strings.IndexByte(number[begin:], ',')
		if end < 0 {
			return append(all, number)
		}
		all = append(all, number[:begin+end])
		number = number[begin+end:]
	}
	return all
}

func newActView(a *act, b *bridge.Bridge) *actView {
	if a == nil {
		return nil
	}
	view := &actView{Did: a.did, Told: a.told, Took: brief(a.took), Running: a.running(), State: b.State}
	if a.running() {
		view.Took = fmt.Sprintf("%.0f s", time.Since(a.began).Truncate(time.Second).Seconds())
	}
	return view
}

func newButtonView(b button, disabled bool) buttonView {
	return buttonView{Path: b.path, Label: b.label, About: b.about, Disabled: disabled}
}

func newButtonViews(all []button, disabled bool) []buttonView {
	var views []buttonView
	for _, b := range all {
		views = append(views, newButtonView(b, disabled))
	}
	return views
}

// newCallRows folds a call and its repetitions into one row.
func newCallRows(calls []call, a *act) []callRow {
	var rows []callRow
	for _, c := range calls {
		if last := len(rows) - 1; last >= 0 && rows[last].same(c) {
			rows[last].Times++
			continue
		}
		row := callRow{call: c, Path: strings.SplitAfter(c.path, "/"), Times: 1}
		if a != nil {
			row.After = "+" + brief(c.at.Sub(a.began))
		}
		rows = append(rows, row)
	}
	return rows
}

// brief writes a duration with the digits that matter.
func brief(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func capital(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

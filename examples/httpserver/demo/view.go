package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/internal/phone"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

// incidentPage is the data of the incident's page.
type incidentPage struct {
	Title    string
	Refresh  bool // work is running
	Incident incidentView
	Call     *callView   // nil: none on the incident
	Action   *actionView // nil: none yet
	Open     buttonView
	Faults   []buttonView
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
	Join           string   // a page of the demo
	Number         []string // in parts that stay together on a line
	Tel            string   // for a tel: link
	Host, Provider string
	Warnings       []string
}

type actionView struct {
	Name, Result, Took string
	Running            bool
	State              bridge.State // of the ledger; empty: nothing yet
}

type buttonView struct {
	Path, Label, About string
	Disabled           bool
}

// callRow is a vendor call, how often it was made in a row, and when it was first made
// after the click.
type callRow struct {
	call
	Path  []string // in parts that stay together on a line
	Times int
	After string
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
	view := &callView{Join: callPath + roomID, Number: phone.SplitPauses(i.Bridge.DialIn), Tel: phone.TelURI(i.Bridge.DialIn)}
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

// noted reports whether a note on the incident contains the warning already.
func noted(i pagerdutytest.Incident, warning string) bool {
	return slices.ContainsFunc(i.Notes, func(n pagerdutytest.Note) bool {
		return strings.Contains(n.Content, warning)
	})
}

func newActionView(a *action, b *bridge.Bridge) *actionView {
	if a == nil {
		return nil
	}
	view := &actionView{Name: a.name, Result: a.result, Took: brief(a.took), Running: a.running(), State: b.State}
	if a.running() {
		view.Took = fmt.Sprintf("%.0f s", time.Since(a.started).Truncate(time.Second).Seconds())
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

// newCallRows merges repeated calls into one row.
func newCallRows(calls []call, a *action) []callRow {
	var rows []callRow
	for _, c := range calls {
		if last := len(rows) - 1; last >= 0 && rows[last].same(c) {
			rows[last].Times++
			continue
		}
		row := callRow{call: c, Path: strings.SplitAfter(c.path, "/"), Times: 1}
		if a != nil {
			row.After = "+" + brief(c.at.Sub(a.started))
		}
		rows = append(rows, row)
	}
	return rows
}

// brief formats a duration with one decimal.
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

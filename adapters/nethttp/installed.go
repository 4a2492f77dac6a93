package nethttp

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"time"

	"github.com/incidentbridge/incidentbridge/install"
)

const (
	installedCookie = "incidentbridge-installed"
	installedFor    = time.Hour       // how long the confirmation is shown to the person who installed
	pingWait        = 2 * time.Second // how long the confirmation waits for PagerDuty's ping
	pingPoll        = 100 * time.Millisecond
	pingDeadline    = time.Minute // after which PagerDuty's ping is no longer expected
)

// installedPage confirms an install to the browser that it was made in.
func (i *installFlow) installedPage(ctx context.Context, r *http.Request, _ []byte) response {
	installed, err := i.installation.Current(ctx)
	if err == nil && !i.installedBy(r, installed) {
		err = install.ErrNotInstalled
	}
	if errors.Is(err, install.ErrNotInstalled) {
		return i.view.noticePage(http.StatusNotFound, "Nothing was installed here", notice{
			Lines: []string{"This page confirms an install for an hour, in the browser that it was made in."},
			Next:  []link{{"/", "Open bridges"}},
			Code:  codeNotFound,
		})
	}
	if err != nil {
		return i.view.storeFailed(ctx, err)
	}
	installed = i.waitForPing(ctx, installed)
	p := page{template: "installed", Title: "Installed", Content: i.newInstalledView(installed)}
	if isPingExpected(installed) {
		p.Refresh = fastRefresh
	}
	return i.view.renderPage(http.StatusOK, p)
}

// installedBy reports whether the request comes from the browser that the install was
// made in.
func (i *installFlow) installedBy(r *http.Request, installed *install.Info) bool {
	cookie, err := r.Cookie(i.site.cookieName(installedCookie))
	return err == nil && subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(installed.ID)) == 1
}

// waitForPing gives PagerDuty's ping a moment to arrive, so that the page is right the
// first time it is seen.
func (i *installFlow) waitForPing(ctx context.Context, installed *install.Info) *install.Info {
	ctx, cancel := context.WithTimeout(ctx, pingWait)
	defer cancel()
	poll := time.NewTicker(pingPoll)
	defer poll.Stop()
	for isPingExpected(installed) {
		select {
		case <-ctx.Done():
			return installed
		case <-poll.C:
		}
		if newer, err := i.installation.Current(ctx); err == nil {
			installed = newer
		}
	}
	return installed
}

// isPingExpected reports whether PagerDuty's ping has not arrived yet but still may.
func isPingExpected(installed *install.Info) bool {
	s := installed.Setup
	return s.SubscriptionID != "" && s.ReachableAt.IsZero() && time.Since(s.PingedAt) < pingDeadline
}

// reachability is how far PagerDuty's events get.
type reachability string

const (
	reached    reachability = "reached"
	waiting    reachability = "waiting"
	unreached  reachability = "unreached"
	manual     reachability = "manual"      // there is no subscription: it has to be made by hand
	notManaged reachability = "not-managed" // PagerDuty's app is not installed by consent
)

func reachabilityOf(installed *install.Info) reachability {
	switch {
	case installed.PagerDuty == nil:
		return notManaged
	case installed.Setup.SubscriptionID == "":
		return manual
	case !installed.Setup.ReachableAt.IsZero():
		return reached
	case isPingExpected(installed):
		return waiting
	default:
		return unreached
	}
}

// installedView is what the confirmation shows.
type installedView struct {
	Zoom, PagerDuty *install.Account // nil: that vendor's app is not installed by consent
	Reachability    reachability
	WebhookURL      string
	ActionURL       string
	Events          []string
	Services        []string // that have the button
	FailedServices  []string // services whose button has to be made by hand
	InstallAgain    string   // where the install begins, for the missed services too
	Problems        []string
	MissingScopes   []string // that Zoom did not name
}

func (i *installFlow) newInstalledView(installed *install.Info) installedView {
	v := installedView{
		Zoom:           installed.Zoom,
		PagerDuty:      installed.PagerDuty,
		Reachability:   reachabilityOf(installed),
		WebhookURL:     i.site.origin + webhookPath,
		ActionURL:      i.site.origin + actionPath,
		Events:         i.events,
		Services:       installed.Setup.Services,
		FailedServices: installed.Setup.FailedServices,
		InstallAgain:   installAddress(installed.Setup.FailedServices),
		Problems:       installed.Setup.Problems,
	}
	if installed.Zoom != nil {
		v.MissingScopes = installed.Zoom.MissingScopes
	}
	return v
}

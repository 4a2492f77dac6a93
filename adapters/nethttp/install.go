package nethttp

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/install"
)

const (
	installPath     = "/install"
	installedPath   = "/install/done"
	installedCookie = "incidentbridge-installed"
	installedFor    = time.Hour       // how long the confirmation is shown to whoever installed
	pingPatience    = 2 * time.Second // for the confirmation to wait for PagerDuty's ping
	pingPoll        = 100 * time.Millisecond
	pingHope        = time.Minute // after which the ping is not waited for any more
	mostServices    = 25
)

// installer is the install flow, and what it has PagerDuty send.
type installer struct {
	*install.Installation
	events []string
}

// installing is what an install carries from one vendor to the next. It holds tokens.
type installing struct {
	Services []string                 `json:"services,omitempty"` // that get the button
	Consents []*install.Authorization `json:"consents,omitempty"`
}

// install sends the browser to the first vendor. Somebody who did not come here on purpose, or who chose services, is
// told first what is going to happen.
func (h *Handler) install(ctx context.Context, r *http.Request, _ []byte) answer {
	query := r.URL.Query()
	if query.Has("from") {
		return h.explainInstall()
	}
	services, ok := serviceIDs(query.Get("services"))
	if !ok {
		return h.tell(http.StatusBadRequest, "That is no service", notice{
			Said: []string{
				"A service is named by its id, the last part of its address at PagerDuty, such as PABC123.",
				"Several are set apart by commas.",
			},
			Next: []way{{installPath, "Install without the button"}},
			Code: codeBadRequest,
		})
	}
	to, cookie, err := h.nextConsent(ctx, installing{Services: services})
	if err != nil {
		return h.storeFailed(ctx, err)
	}
	if len(services) == 0 {
		return seeOther(to).withCookie(cookie)
	}
	return h.tell(http.StatusOK, "Install with the button", notice{
		Said: []string{
			"The incidents of " + strings.Join(services, ", ") + " get the button Create Zoom Meeting.",
			"You will be asked to agree at " + h.vendorNames() + ". Only an administrator can.",
		},
		Next: []way{{to, "Begin"}},
	}).withCookie(cookie)
}

func (h *Handler) explainInstall() answer {
	return h.tell(http.StatusOK, "Begin the install here", notice{
		Said: []string{
			"You came by a link that this service did not make, so it cannot tell whether it was meant for you.",
			"Nothing was installed.",
			"Begin here: you will be asked to agree at " + h.vendorNames() + ", and then it is done. Only an administrator can.",
		},
		Next: []way{{installPath, "Begin"}},
	})
}

// nextConsent begins the flow at the first vendor that has not been asked yet; "" when all have.
func (h *Handler) nextConsent(ctx context.Context, so installing) (to string, cookie *http.Cookie, err error) {
	vendors := h.installation.Vendors()
	if len(so.Consents) == len(vendors) {
		return "", nil, nil
	}
	carried, err := json.Marshal(so)
	if err != nil {
		return "", nil, err
	}
	vendor := vendors[len(so.Consents)]
	started, err := h.site.states.begin(ctx, forInstall(vendor), installPath, carried)
	if err != nil {
		return "", nil, err
	}
	return h.installation.AuthCodeURL(vendor, started.state, started.verifier), started.cookie, nil
}

// finishInstall takes the code of one vendor and goes on to the next, or to the end.
func (h *Handler) finishInstall(ctx context.Context, vendor install.Vendor, f *flow, code string) answer {
	var so installing
	if err := json.Unmarshal(f.carried, &so); err != nil {
		return h.installFailed(vendor, nil, errUnknownState)
	}
	if code == "" {
		h.discard(ctx, so)
		return h.installFailed(vendor, so.Services, errDenied)
	}
	consent, err := h.installation.Authorize(ctx, vendor, code, f.verifier)
	if err != nil {
		h.discard(ctx, so)
		return h.logInstall(ctx, h.installFailed(vendor, so.Services, err), err)
	}
	so.Consents = append(so.Consents, consent)
	to, cookie, err := h.nextConsent(ctx, so)
	if err != nil {
		h.discard(ctx, so)
		return h.storeFailed(ctx, err)
	}
	if to != "" {
		return seeOther(to).withCookie(cookie)
	}
	return h.complete(ctx, vendor, so)
}

// complete installs what all vendors agreed to, and sets up PagerDuty.
func (h *Handler) complete(ctx context.Context, vendor install.Vendor, so installing) answer {
	now, err := h.installation.Install(ctx, so.Consents...)
	if err != nil {
		h.discard(ctx, so)
		return h.logInstall(ctx, h.installFailed(vendor, so.Services, err), err)
	}
	h.logger.LogAttrs(ctx, slog.LevelInfo, "installed") // without its id, which opens the confirmation
	a := seeOther(installedPath).withCookie(h.site.cookie(installedCookie, now.ID, installedFor))
	_, err = h.installation.Setup(ctx, install.SetupRequest{
		WebhookURL: h.site.origin + "/webhooks/pagerduty", Events: h.installation.events,
		ActionURL: h.site.origin + "/actions/pagerduty", Services: so.Services,
	})
	return h.logInstall(ctx, a, err) // the page tells what is there and what is not
}

// discard ends what the vendors gave for an install that comes to nothing.
func (h *Handler) discard(ctx context.Context, so installing) {
	if err := h.installation.Revoke(ctx, so.Consents...); err != nil {
		h.logger.LogAttrs(ctx, slog.LevelWarn, "could not revoke authorization", slog.Any("error", err))
	}
}

func (h *Handler) logInstall(ctx context.Context, a answer, err error) answer {
	if err != nil {
		h.logger.LogAttrs(ctx, slog.LevelWarn, "install failed", slog.Any("error", err))
	}
	return a
}

// serviceIDs reads a list of service ids; false: one is none.
func serviceIDs(list string) (ids []string, ok bool) {
	for field := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		other := func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') }
		if len(field) > 40 || strings.ContainsFunc(field, other) {
			return nil, false
		}
		ids = append(ids, field)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return ids, len(ids) <= mostServices
}

func (h *Handler) vendorNames() string {
	var names []string
	for _, vendor := range h.installation.Vendors() {
		names = append(names, vendorName(vendor))
	}
	return strings.Join(names, " and at ")
}

func vendorName(vendor install.Vendor) string {
	if vendor == install.VendorZoom {
		return "Zoom"
	}
	return "PagerDuty"
}

// installAgain leads back to the begin, with the services that were chosen.
func installAgain(services []string) string {
	if len(services) == 0 {
		return installPath
	}
	return installPath + "?services=" + url.QueryEscape(strings.Join(services, ","))
}

// installedPage confirms an install to the browser that it was made in.
func (h *Handler) installedPage(ctx context.Context, r *http.Request, _ []byte) answer {
	now, err := h.installation.Current(ctx)
	if err == nil && !h.installedHere(r, now) {
		err = install.ErrNotInstalled
	}
	if errors.Is(err, install.ErrNotInstalled) {
		return h.tell(http.StatusNotFound, "Nothing was installed here", notice{
			Said: []string{"This page confirms an install for an hour, in the browser that it was made in."},
			Next: []way{{"/", "Open bridges"}},
			Code: codeNotFound,
		})
	}
	if err != nil {
		return h.storeFailed(ctx, err)
	}
	now = h.awaitPing(ctx, now)
	return h.show(http.StatusOK, h.confirmation(now))
}

func (h *Handler) installedHere(r *http.Request, now *install.Info) bool {
	cookie, err := r.Cookie(h.site.cookieName(installedCookie))
	return err == nil && subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(now.ID)) == 1
}

// awaitPing gives PagerDuty a moment: the page is then right the first time it is seen.
func (h *Handler) awaitPing(ctx context.Context, now *install.Info) *install.Info {
	ctx, cancel := context.WithTimeout(ctx, pingPatience)
	defer cancel()
	poll := time.NewTicker(pingPoll)
	defer poll.Stop()
	for waitsForPing(now) {
		select {
		case <-ctx.Done():
			return now
		case <-poll.C:
		}
		if newer, err := h.installation.Current(ctx); err == nil {
			now = newer
		}
	}
	return now
}

// waitsForPing says whether PagerDuty's ping is still to be hoped for.
func waitsForPing(now *install.Info) bool {
	s := now.Setup
	return s.SubscriptionID != "" && s.ReachableAt.IsZero() && time.Since(s.PingedAt) < pingHope
}

// confirmed is what the confirmation shows.
type confirmed struct {
	Zoom, PagerDuty *install.Account // nil: that vendor is not installed by consent
	Reach           reach
	URL             string
	Events          []string
	Services        []string
	Missed          []string // services whose button is to be made by hand
	ActionURL       string
	Again           string // where the install begins, for those services too
	Problems        []string
	Missing         []string // scopes that Zoom did not name
}

// reach is how far PagerDuty's events come.
type reach string

const (
	reached   reach = "reached"
	waiting   reach = "waiting"
	unreached reach = "unreached"
	byHand    reach = "by-hand"   // there is no subscription
	notByUs   reach = "not-by-us" // PagerDuty's app is not installed by consent
)

func (h *Handler) confirmation(now *install.Info) page {
	c := confirmed{
		Zoom: now.Zoom, PagerDuty: now.PagerDuty, URL: h.site.origin + "/webhooks/pagerduty", Events: h.installation.events,
		Services: now.Setup.Services, Problems: now.Setup.Problems,
		Missed: now.Setup.FailedServices, ActionURL: h.site.origin + "/actions/pagerduty", Again: installPath,
	}
	if now.Zoom != nil {
		c.Missing = now.Zoom.MissingScopes
	}
	if len(c.Missed) > 0 {
		c.Again += "?services=" + url.QueryEscape(strings.Join(c.Missed, ","))
	}
	p := page{template: "installed", Title: "Installed"}
	switch {
	case now.PagerDuty == nil:
		c.Reach = notByUs
	case now.Setup.SubscriptionID == "":
		c.Reach = byHand
	case !now.Setup.ReachableAt.IsZero():
		c.Reach = reached
	case waitsForPing(now):
		c.Reach, p.Refresh = waiting, soon
	default:
		c.Reach = unreached
	}
	p.Content = c
	return p
}

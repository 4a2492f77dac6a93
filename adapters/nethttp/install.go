package nethttp

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/zoom"
)

const (
	installPath   = "/install"
	installedPath = "/install/done"
	webhookPath   = "/webhooks/pagerduty"
	actionPath    = "/actions/pagerduty"
	maxServices   = 25
)

// installFlow installs the app: it sends the browser to each vendor in turn, sets up
// PagerDuty and ends on a page that confirms the install.
type installFlow struct {
	installation *install.Installation
	events       []string // that PagerDuty is to send
	site         *site
	view         *view
	logger       *slog.Logger
}

func (i *installFlow) routes() []route {
	return []route{
		{"GET " + installPath, pageBudget, public, i.begin},
		{"GET " + installedPath, pageBudget, public, i.installedPage},
	}
}

// pendingInstall is what an install takes along from one vendor to the next. It holds
// tokens.
type pendingInstall struct {
	Services       []string                 `json:"services,omitempty"` // that get the button
	Authorizations []*install.Authorization `json:"authorizations,omitempty"`
}

// begin sends the browser to the first vendor. A person who came by somebody else's link,
// or who chose services, is told first what is going to happen.
func (i *installFlow) begin(ctx context.Context, r *http.Request, _ []byte) response {
	query := r.URL.Query()
	if query.Has("from") {
		return i.explain()
	}
	services, ok := parseServices(query.Get("services"))
	if !ok {
		return i.view.noticePage(http.StatusBadRequest, "That is not a service", notice{
			Lines: []string{
				"Give the id of a service: the last part of its address at PagerDuty, such as PABC123.",
				"Separate several ids by commas; at most 25 are possible at once.",
			},
			Next: []link{{installPath, "Install without the button"}},
			Code: codeBadRequest,
		})
	}
	next, cookie, err := i.nextVendor(ctx, pendingInstall{Services: services})
	if err != nil {
		return i.view.storeFailed(ctx, err)
	}
	if len(services) == 0 {
		return seeOther(next).withCookie(cookie)
	}
	return i.view.noticePage(http.StatusOK, "Install with the button", notice{
		Lines: []string{
			"The incidents of " + strings.Join(services, ", ") + " get the button Create Zoom Meeting.",
			"You will be asked to allow the app at " + i.vendorNames() + ". Only an administrator can allow it.",
		},
		Next: []link{{next, "Begin"}},
	}).withCookie(cookie)
}

func (i *installFlow) explain() response {
	return i.view.noticePage(http.StatusOK, "Begin the install here", notice{
		Lines: []string{
			"You came by a link that this service did not make. Nothing was installed.",
			"To install, begin here. You will be asked to allow the app at " + i.vendorNames() +
				". Only an administrator can allow it.",
		},
		Next: []link{{installPath, "Begin"}},
	})
}

// nextVendor starts the flow at the first vendor that has not been asked yet. It returns
// "" when all vendors have been.
func (i *installFlow) nextVendor(
	ctx context.Context, p pendingInstall,
) (next string, cookie *http.Cookie, err error) {
	vendors := i.installation.Vendors()
	if len(p.Authorizations) == len(vendors) {
		return "", nil, nil
	}
	payload, err := json.Marshal(p)
	if err != nil {
		return "", nil, err
	}
	vendor := vendors[len(p.Authorizations)]
	started, err := i.site.states.begin(ctx, forInstall(vendor), installPath, payload)
	if err != nil {
		return "", nil, err
	}
	return i.installation.AuthCodeURL(vendor, started.state, started.verifier), started.cookie, nil
}

// finish exchanges the code of one vendor and continues at the next, or completes the
// install.
func (i *installFlow) finish(
	ctx context.Context, _ *http.Request, vendor install.Vendor, f *flow, code string,
) response {
	var p pendingInstall
	if err := json.Unmarshal(f.payload, &p); err != nil {
		return i.failed(vendor, nil, errUnknownState)
	}
	if code == "" {
		i.discard(ctx, p)
		return i.failed(vendor, p.Services, errAccessDenied)
	}
	authorization, err := i.installation.Authorize(ctx, vendor, code, f.verifier)
	if err != nil {
		i.discard(ctx, p)
		i.logFailure(ctx, err)
		return i.failed(vendor, p.Services, err)
	}
	p.Authorizations = append(p.Authorizations, authorization)
	next, cookie, err := i.nextVendor(ctx, p)
	if err != nil {
		i.discard(ctx, p)
		return i.view.storeFailed(ctx, err)
	}
	if next != "" {
		return seeOther(next).withCookie(cookie)
	}
	return i.complete(ctx, vendor, p)
}

// reject answers a callback whose state is not good. A callback without a state comes
// from a link in a marketplace: it restarts the install, and its code is not used.
func (i *installFlow) reject(ctx context.Context, vendor install.Vendor, f *flow, err error) response {
	if errors.Is(err, errNoState) {
		return seeOther(installPath + "?from=elsewhere")
	}
	var p pendingInstall
	if errors.Is(err, errExpiredState) && json.Unmarshal(f.payload, &p) == nil {
		i.discard(ctx, p)
	}
	return i.failed(vendor, nil, err)
}

// complete installs what all vendors allowed, and sets up PagerDuty.
func (i *installFlow) complete(ctx context.Context, vendor install.Vendor, p pendingInstall) response {
	installed, err := i.installation.Install(ctx, p.Authorizations...)
	if err != nil {
		i.discard(ctx, p)
		i.logFailure(ctx, err)
		return i.failed(vendor, p.Services, err)
	}
	i.logger.LogAttrs(ctx, slog.LevelInfo, "installed") // without its id, which opens the confirmation
	_, err = i.installation.Setup(ctx, install.SetupRequest{
		WebhookURL: i.site.origin + webhookPath, Events: i.events,
		ActionURL: i.site.origin + actionPath, Services: p.Services,
	})
	if err != nil {
		i.logFailure(ctx, err) // the confirmation shows what is missing
	}
	return seeOther(installedPath).withCookie(i.site.cookie(installedCookie, installed.ID, installedFor))
}

// discard revokes what the vendors granted for an install that failed.
func (i *installFlow) discard(ctx context.Context, p pendingInstall) {
	if err := i.installation.Revoke(ctx, p.Authorizations...); err != nil {
		i.logger.LogAttrs(ctx, slog.LevelWarn, "could not revoke authorization", slog.Any("error", err))
	}
}

func (i *installFlow) logFailure(ctx context.Context, err error) {
	i.logger.LogAttrs(ctx, slog.LevelWarn, "install failed", slog.Any("error", err))
}

func (i *installFlow) vendorNames() string {
	var names []string
	for _, vendor := range i.installation.Vendors() {
		names = append(names, vendorName(vendor))
	}
	return strings.Join(names, " and at ")
}

// failed tells why nothing was installed, and what to do.
func (i *installFlow) failed(vendor install.Vendor, services []string, err error) response {
	status, code, lines := describeInstallFailure(vendor, err)
	return i.view.noticePage(status, "Nothing was installed", notice{
		Lines: lines, Next: []link{{installAddress(services), "Begin again"}}, Code: code,
	})
}

func describeInstallFailure(vendor install.Vendor, err error) (status int, code string, lines []string) {
	name := vendorName(vendor)
	switch {
	case errors.Is(err, errAccessDenied):
		return http.StatusForbidden, codeForbidden, []string{
			"The app was not allowed at " + name + ". Nothing was changed.",
			"If that was a mistake, begin again. If " + name + " does not let you allow it, " +
				"ask an administrator of the account.",
		}
	case errors.Is(err, errOtherBrowser):
		return http.StatusBadRequest, codeBadRequest, []string{
			"This install was started in another browser, or this browser does not keep cookies. Begin again here.",
		}
	case errors.Is(err, errUsedState):
		return http.StatusBadRequest, codeBadRequest, []string{
			"This address was opened before, and works only once. " +
				"If you saw a confirmation, the install is done.",
		}
	case errors.Is(err, errExpiredState):
		return http.StatusBadRequest, codeBadRequest, []string{"The install took longer than ten minutes. Begin again."}
	case errors.Is(err, errNoState), errors.Is(err, errUnknownState):
		return http.StatusBadRequest, codeBadRequest, []string{
			"This address belongs to no install that this service started, or somebody changed it. Begin again.",
		}
	case errors.Is(err, install.ErrNotAdmin):
		return http.StatusForbidden, codeForbidden, []string{
			"Only an administrator may install: at Zoom the owner or an admin, " +
				"at PagerDuty the Account Owner or an Admin.",
			"You are not an administrator at " + name + ". Log in there as one, or ask one to open this page.",
		}
	case errors.Is(err, install.ErrOtherAccount):
		return http.StatusForbidden, codeForbidden, []string{
			"This service is already installed for another " + name + " account. " +
				"Only an administrator of that account can replace it.",
			"To move the service, remove the app in the old account first.",
		}
	case errors.Is(err, pagerduty.ErrMissingScopes), errors.Is(err, zoom.ErrMissingScopes):
		return http.StatusForbidden, codeForbidden, []string{
			name + " did not grant the scopes " + strings.Join(missingScopes(err), ", ") + ".",
			"Add them to the app at " + name + ", then begin again.",
		}
	case errors.Is(err, zoom.ErrGrant), errors.Is(err, pagerduty.ErrGrant):
		return http.StatusBadRequest, codeBadRequest, []string{
			name + " did not accept the authorization code: it works only once, and not for long. Begin again.",
		}
	case errors.Is(err, zoom.ErrCredentials), errors.Is(err, pagerduty.ErrCredentials):
		return http.StatusBadGateway, upstreamCode(vendor), []string{
			name + " did not accept the client id and secret of the app.",
			"The operator of this service has to correct them.",
		}
	case errors.Is(err, install.ErrInProgress):
		return http.StatusConflict, codeUnavailable, []string{
			"Another install is in progress. Wait half a minute, then begin again if it is still necessary.",
		}
	case errors.Is(err, install.ErrNotInstalled):
		return http.StatusConflict, codeNotInstalled, []string{
			"The app was removed, or installed by another person, during this install. Begin again.",
		}
	case errors.Is(err, install.ErrUnavailable):
		return http.StatusServiceUnavailable, codeUnavailable, []string{
			"The store of this service does not answer, so the install could not be saved. Try again in a moment.",
		}
	}
	status = vendorStatus(err)
	if status >= 400 && status < 500 {
		return http.StatusBadGateway, upstreamCode(vendor), []string{
			name + " rejected a request of the app" + statusText(status) + ".",
			"Check the app at " + name + ", then begin again.",
		}
	}
	return http.StatusBadGateway, upstreamCode(vendor), []string{
		name + " does not answer" + statusText(status) + ". Try again in a moment.",
	}
}

func vendorName(vendor install.Vendor) string {
	if vendor == install.VendorZoom {
		return "Zoom"
	}
	return "PagerDuty"
}

func upstreamCode(vendor install.Vendor) string {
	if vendor == install.VendorZoom {
		return codeUpstreamZoom
	}
	return codeUpstreamPagerDuty
}

func missingScopes(err error) []string {
	if e, ok := errors.AsType[*pagerduty.Error](err); ok {
		return e.Scopes
	}
	if e, ok := errors.AsType[*zoom.Error](err); ok {
		return e.Scopes
	}
	return nil
}

// vendorStatus is the status that a vendor answered with, or 0.
func vendorStatus(err error) int {
	if e, ok := errors.AsType[*pagerduty.Error](err); ok {
		return e.StatusCode
	}
	if e, ok := errors.AsType[*zoom.Error](err); ok {
		return e.StatusCode
	}
	return 0
}

// parseServices reads a list of service ids. It is not ok if one of them cannot be an id,
// or if there are too many.
func parseServices(list string) (ids []string, ok bool) {
	for field := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		other := func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') }
		if len(field) > 40 || strings.ContainsFunc(field, other) {
			return nil, false
		}
		ids = append(ids, field)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return ids, len(ids) <= maxServices
}

// installAddress is where an install for these services begins.
func installAddress(services []string) string {
	if len(services) == 0 {
		return installPath
	}
	return installPath + "?services=" + url.QueryEscape(strings.Join(services, ","))
}

package nethttp

import (
	"errors"
	"net/http"
	"strings"

	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/zoom"
)

// installFailed says why nothing was installed, and what to do.
func (h *Handler) installFailed(vendor install.Vendor, services []string, err error) answer {
	status, code, said := whyNotInstalled(vendor, err)
	return h.tell(status, "Nothing was installed", notice{
		Said: said, Next: []way{{installAgain(services), "Begin again"}}, Code: code,
	})
}

func whyNotInstalled(vendor install.Vendor, err error) (status int, code string, said []string) {
	at := vendorName(vendor)
	switch {
	case errors.Is(err, errDenied):
		return http.StatusForbidden, codeForbidden, []string{
			"The app was not allowed at " + at + ". Nothing was changed.",
			"If that was a mistake, begin again. If " + at + " does not let you allow it, ask an administrator of the account.",
		}
	case errors.Is(err, errOtherBrowser):
		return http.StatusBadRequest, codeBadRequest, []string{
			"This install was begun in another browser, or this one keeps no cookies. Begin it here.",
		}
	case errors.Is(err, errUsedState):
		return http.StatusBadRequest, codeBadRequest, []string{
			"This address was opened before, and it is good once. If the install was confirmed to you, it is done.",
		}
	case errors.Is(err, errExpiredState):
		return http.StatusBadRequest, codeBadRequest, []string{"The install took longer than ten minutes, so it was given up."}
	case errors.Is(err, errNoState), errors.Is(err, errUnknownState):
		return http.StatusBadRequest, codeBadRequest, []string{
			"This address belongs to no install that this service began, or somebody changed it. Nothing of it was used.",
		}
	case errors.Is(err, install.ErrNotAdmin):
		return http.StatusForbidden, codeForbidden, []string{
			"Only an administrator may install: at Zoom the owner or an admin, at PagerDuty the Account Owner or an Admin.",
			"You agreed at " + at + " as somebody else. Log in there as an administrator, or ask one to open this page.",
		}
	case errors.Is(err, install.ErrOtherAccount):
		return http.StatusForbidden, codeForbidden, []string{
			"This service is installed for another " + at + " account already. Only an administrator of that account can replace it.",
			"If it is to move, remove the app in the old account first.",
		}
	case errors.Is(err, pagerduty.ErrMissingScopes), errors.Is(err, zoom.ErrMissingScopes):
		return http.StatusForbidden, codeForbidden, []string{
			at + " did not grant the scopes " + strings.Join(missingScopes(err), ", ") + ".",
			"Add them to the app at " + at + ", then begin again.",
		}
	case errors.Is(err, zoom.ErrGrant), errors.Is(err, pagerduty.ErrGrant):
		return http.StatusBadRequest, codeBadRequest, []string{
			at + " does not take its own code any more: it is good once and not for long.",
		}
	case errors.Is(err, zoom.ErrCredentials), errors.Is(err, pagerduty.ErrCredentials):
		return http.StatusBadGateway, upstream(vendor), []string{
			at + " does not know this app by its client id and secret.",
			"Whoever runs this service has to mend them.",
		}
	case errors.Is(err, install.ErrInProgress):
		return http.StatusConflict, codeUnavailable, []string{
			"Somebody else is installing at this very moment. Wait half a minute, and begin again if it is still to be done.",
		}
	case errors.Is(err, install.ErrNotInstalled):
		return http.StatusConflict, codeNotInstalled, []string{
			"The app was removed, or installed by somebody else, while you were at it.",
		}
	case errors.Is(err, install.ErrUnavailable):
		return http.StatusServiceUnavailable, codeUnavailable, []string{
			"This service could not keep what the vendors gave, because its store does not answer. Try again in a moment.",
		}
	default:
		return http.StatusBadGateway, upstream(vendor), []string{at + " does not answer as it should. Try again in a moment."}
	}
}

func upstream(vendor install.Vendor) string {
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

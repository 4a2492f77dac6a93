package nethttp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/incidentbridge/incidentbridge/install"
)

// callback is where a vendor sends the browser back to, from an install or a login.
func (h *Handler) callback(vendor install.Vendor) work {
	return func(ctx context.Context, r *http.Request, _ []byte) answer {
		if h.site == nil {
			return h.noLogin()
		}
		f, err := h.site.states.finish(ctx, r)
		switch {
		case errors.Is(err, errNoState) && h.installation != nil:
			return seeOther(installPath + "?from=elsewhere") // links of a marketplace have none: the code is left alone
		case isStateError(err):
			h.discardExpired(ctx, f, err)
			return h.refuseCallback(vendor, f, err)
		case err != nil:
			return h.storeFailed(ctx, err)
		}
		return h.finish(ctx, r, vendor, f)
	}
}

// finish goes on with a flow that ended well, as it was begun.
func (h *Handler) finish(ctx context.Context, r *http.Request, vendor install.Vendor, f *flow) answer {
	query := r.URL.Query()
	code := query.Get("code")
	if query.Has("error") {
		code = "" // a refusal, whatever else stands there
	}
	switch {
	case f.purpose == forLogin && vendor == install.VendorPagerDuty && code != "":
		return h.finishLogin(ctx, r, f, code)
	case f.purpose == forLogin && vendor == install.VendorPagerDuty:
		return h.loginFailed(errDenied, f.back)
	case h.installation != nil && f.purpose == forInstall(vendor):
		return h.finishInstall(ctx, vendor, f, code)
	default:
		return h.refuseCallback(vendor, f, errUnknownState)
	}
}

func (h *Handler) refuseCallback(vendor install.Vendor, f *flow, err error) answer {
	if h.installation == nil || f != nil && f.purpose == forLogin {
		return h.loginFailed(err, "/")
	}
	return h.installFailed(vendor, nil, err)
}

// discardExpired ends what an install has carried for too long.
func (h *Handler) discardExpired(ctx context.Context, f *flow, err error) {
	var so installing
	if h.installation != nil && errors.Is(err, errExpiredState) && json.Unmarshal(f.carried, &so) == nil {
		h.discard(ctx, so)
	}
}

func isStateError(err error) bool {
	return errors.Is(err, errNoState) || errors.Is(err, errUnknownState) || errors.Is(err, errOtherBrowser) ||
		errors.Is(err, errUsedState) || errors.Is(err, errExpiredState)
}

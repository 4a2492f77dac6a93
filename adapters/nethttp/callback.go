package nethttp

import (
	"context"
	"errors"
	"net/http"

	"github.com/incidentbridge/incidentbridge/install"
)

// oauthFlow is what a browser was sent to a vendor for.
type oauthFlow interface {
	// finish continues a flow whose callback is good. code is empty when the vendor gave
	// none.
	finish(ctx context.Context, r *http.Request, vendor install.Vendor, f *flow, code string) response
	// reject answers a callback whose state is not good. f is nil if the state is
	// unknown.
	reject(ctx context.Context, vendor install.Vendor, f *flow, err error) response
}

// callback is where a vendor sends browsers back to, from an install or a login.
type callback struct {
	vendor install.Vendor
	states *oauthStates
	view   *view
	flows  map[purpose]oauthFlow
	// fallback answers for a state that belongs to none of the flows.
	fallback oauthFlow
}

// callbackRoutes lists the callbacks. toLogin and toInstall are nil if they are not
// configured.
func callbackRoutes(s *site, v *view, toLogin, toInstall oauthFlow) []route {
	const pagerDutyCallback, zoomCallback = "GET /oauth/pagerduty/callback", "GET /oauth/zoom/callback"
	if toLogin == nil && toInstall == nil {
		return []route{{pagerDutyCallback, pageBudget, public, v.loginDisabled}}
	}
	fromPagerDuty := &callback{install.VendorPagerDuty, s.states, v, map[purpose]oauthFlow{}, toLogin}
	if toLogin != nil {
		fromPagerDuty.flows[forLogin] = toLogin
	}
	if toInstall == nil {
		return []route{{pagerDutyCallback, installBudget, public, fromPagerDuty.handle}}
	}
	fromPagerDuty.flows[forInstall(install.VendorPagerDuty)] = toInstall
	fromPagerDuty.fallback = toInstall
	fromZoom := &callback{
		install.VendorZoom, s.states, v, map[purpose]oauthFlow{forInstall(install.VendorZoom): toInstall}, toInstall,
	}
	return []route{
		{pagerDutyCallback, installBudget, public, fromPagerDuty.handle},
		{zoomCallback, installBudget, public, fromZoom.handle},
	}
}

func (c *callback) handle(ctx context.Context, r *http.Request, _ []byte) response {
	f, err := c.states.finish(ctx, r)
	switch {
	case isStateError(err):
		return c.flowOf(f).reject(ctx, c.vendor, f, err)
	case err != nil:
		return c.view.storeFailed(ctx, err)
	}
	target, ok := c.flows[f.purpose]
	if !ok {
		return c.fallback.reject(ctx, c.vendor, f, errUnknownState)
	}
	query := r.URL.Query()
	if query.Has("error") { // a refusal, even beside a code
		return target.finish(ctx, r, c.vendor, f, "")
	}
	return target.finish(ctx, r, c.vendor, f, query.Get("code"))
}

func (c *callback) flowOf(f *flow) oauthFlow {
	if f == nil {
		return c.fallback
	}
	if target, ok := c.flows[f.purpose]; ok {
		return target
	}
	return c.fallback
}

func isStateError(err error) bool {
	return errors.Is(err, errNoState) || errors.Is(err, errUnknownState) || errors.Is(err, errOtherBrowser) ||
		errors.Is(err, errUsedState) || errors.Is(err, errExpiredState)
}

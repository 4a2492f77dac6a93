package nethttp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/pagerduty"
)

// verifyEvent checks the signature of a V3 webhook against the secrets that were given, then against the installed one.
// It returns the answer for what is not to be trusted, or cannot be told yet.
func (h *Handler) verifyEvent(ctx context.Context, header http.Header, body []byte) *answer {
	given := errors.New("no secret is given")
	if h.pagerDuty != nil {
		given = h.pagerDuty.Verify(header, body)
	}
	if given == nil && (h.installation == nil || !isPing(body)) {
		return nil
	}
	err := h.verifyInstalled(ctx, header, body)
	switch {
	case err == nil, given == nil:
		return nil
	case errors.Is(err, install.ErrNotInstalled) && h.pagerDuty == nil:
		return refused(codeNotFound, "there is nothing at this path")
	case errors.Is(err, install.ErrNotInstalled):
		return refused(codeUnauthorized, given.Error())
	case errors.Is(err, install.ErrUnavailable):
		a := refuse(codeUnavailable, "the store does not answer").retryAfter(defaultRetry) // a 401 would lose the event
		return &a
	default:
		return refused(codeUnauthorized, err.Error())
	}
}

// verifyInstalled checks the signature against the installed secret. What passes shows that PagerDuty reaches us.
func (h *Handler) verifyInstalled(ctx context.Context, header http.Header, body []byte) error {
	if h.installation == nil {
		return install.ErrNotInstalled
	}
	secret, err := h.installation.WebhookSecret(ctx)
	if err != nil {
		return err
	}
	verifier, err := pagerduty.NewVerifier([]string{string(secret)})
	if err != nil {
		return err
	}
	if err := verifier.Verify(header, body); err != nil || !isPing(body) {
		return err
	}
	if err := h.installation.MarkReachable(ctx); err != nil {
		h.logger.LogAttrs(ctx, slog.LevelWarn, "a ping of PagerDuty was not kept", slog.Any("error", err))
	}
	return nil
}

func isPing(body []byte) bool {
	event, err := pagerduty.ParseEvent(body)
	return err == nil && event.Type == "pagey.ping"
}

// admitPress lets in whoever has one of the tokens that were given, or the installed buttons' own.
func (h *Handler) admitPress(r *http.Request, until time.Time) *answer {
	if h.tokens.admit(r) {
		return nil
	}
	err := install.ErrNotInstalled
	if h.installation != nil {
		ctx, cancel := context.WithDeadline(r.Context(), until)
		defer cancel()
		var token pagerduty.Secret
		if token, err = h.installation.ActionToken(ctx); err == nil {
			installed, invalid := newBearerTokens([]string{string(token)})
			if invalid == nil && installed.admit(r) {
				return nil
			}
		}
	}
	switch {
	case errors.Is(err, install.ErrNotInstalled) && len(h.tokens) == 0:
		return refused(codeNotFound, "there is nothing at this path")
	case err != nil && !errors.Is(err, install.ErrNotInstalled):
		a := refuse(codeUnavailable, "the store does not answer").retryAfter(defaultRetry)
		return &a
	}
	a := refuse(codeUnauthorized, "a bearer token is needed").with("WWW-Authenticate", "Bearer")
	return &a
}

func refused(code, detail string) *answer {
	a := refuse(code, detail)
	return &a
}

package install

import (
	"errors"
	"slices"
	"strings"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// What callers act on. Each *Error matches one of these with errors.Is, or a vendor's own
// error.
var (
	ErrInvalid      = errors.New("install: invalid request")
	ErrNotAdmin     = errors.New("install: only an administrator of the account may install")
	ErrOtherAccount = errors.New("install: installed for another account, only whose administrator can replace it")
	ErrInProgress   = errors.New("install: another install is in progress")
	ErrUnavailable  = errors.New("install: temporarily unavailable")

	// ErrNotInstalled also matches tokenstore.ErrNotInstalled.
	ErrNotInstalled error = notInstalledError{}
)

// notInstalledError is ErrNotInstalled. A grant that is missing,
// tokenstore.ErrNotInstalled, does not match it: the record decides whether the app is
// installed.
type notInstalledError struct{}

func (notInstalledError) Error() string        { return "install: app is not installed" }
func (notInstalledError) Is(target error) bool { return target == tokenstore.ErrNotInstalled }

// Error is what every failing method of an Installation returns. Its text holds no
// secret.
type Error struct {
	Op  string // "authorize", "install", "set up PagerDuty", "uninstall", …
	Err error
}

// Error names what failed and why.
func (e *Error) Error() string {
	lines := strings.Split(e.Err.Error(), "\n") // joined errors, each once
	slices.Sort(lines)
	return e.Op + ": " + strings.Join(slices.Compact(lines), "; ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// wrap returns err as an *Error, unless it already is one.
func wrap(op string, err error) error {
	var already *Error
	if err == nil || errors.As(err, &already) {
		return err
	}
	return &Error{Op: op, Err: err}
}

// problem tells a person in one sentence why PagerDuty did not do something. Nothing that
// was sent is in it.
func problem(err error, missingScopes []string) string {
	notAllowed := errors.Is(err, pagerduty.ErrForbidden) || errors.Is(err, pagerduty.ErrMissingScopes)
	switch {
	case notAllowed && len(missingScopes) > 0:
		return "the PagerDuty app lacks the scopes " + strings.Join(missingScopes, ", ")
	case errors.Is(err, pagerduty.ErrMissingScopes):
		return "the PagerDuty app lacks scopes: add them, then install it again"
	case errors.Is(err, tokenstore.ErrNotInstalled):
		return "the PagerDuty app is not installed: install it"
	case errors.Is(err, tokenstore.ErrReauthorize):
		return "PagerDuty does not accept the installed app any more: install it again"
	case errors.Is(err, pagerduty.ErrLimit):
		return "PagerDuty has no room for another one"
	case errors.Is(err, pagerduty.ErrPlan):
		return "the PagerDuty plan does not include it"
	case errors.Is(err, pagerduty.ErrNotFound):
		return "PagerDuty did not find it"
	case errors.Is(err, pagerduty.ErrRateLimited):
		return "PagerDuty's rate limit is reached"
	case errors.Is(err, pagerduty.ErrUnauthorized), errors.Is(err, pagerduty.ErrForbidden),
		errors.Is(err, pagerduty.ErrInvalid), errors.Is(err, pagerduty.ErrCredentials):
		return "PagerDuty did not accept the request"
	}
	return "PagerDuty does not answer"
}

// truncate cuts s to at most n characters.
func truncate(s string, n int) string {
	runes := []rune(strings.ToValidUTF8(s, "\uFFFD"))
	if len(runes) <= n {
		return string(runes)
	}
	return string(runes[:n-1]) + "…"
}

package settings

import (
	"net/url"
	"strings"
	"time"
)

// check reports ranges, and values that depend on other settings. Everything else is
// checked by the values' types.
func (s *Settings) check(problems *Error) {
	if s.hasPages() && s.PublicURL != "" {
		problems.add("PUBLIC_URL", pagesURLProblem(string(s.PublicURL)))
	}
	problems.add("STORE_URL", storeURLProblem(string(s.StoreURL)))
	problems.add("STORE_KEYS", storeKeysProblem(string(s.StoreKeys)))
	if s.ZoomHostLimit != 1 && s.ZoomHostLimit != 2 {
		problems.add("ZOOM_HOST_LIMIT", "must be 1 or 2")
	}
	problems.add("TRIGGER_MAX_AGE", minProblem(s.TriggerMaxAge, time.Millisecond))
	problems.add("CLOSE_GRACE", minProblem(s.CloseGrace, 0))
	problems.add("MAX_AGE", minProblem(s.MaxAge, time.Millisecond))
	problems.add("RETENTION", minProblem(s.Retention, 72*time.Hour))
}

// pagesURLProblem returns what is wrong with PUBLIC_URL if browsers use it: the cookies
// of a login must be safe, and their path is the root.
func pagesURLProblem(value string) string {
	var secure SecureURL
	if err := secure.UnmarshalText([]byte(value)); err != nil {
		return err.Error()
	}
	if u, err := url.Parse(value); err != nil || strings.Trim(u.Path, "/") != "" {
		return "must have no path when people log in or install"
	}
	return ""
}

func minProblem(d, least time.Duration) string {
	if d < least {
		return "must be at least " + least.String()
	}
	return ""
}

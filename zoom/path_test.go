package zoom

import (
	"net/url"
	"strings"
	"testing"
)

func TestSessionPathEscapesTwiceWhereZoomWantsIt(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"4444AAAiAAAAAiAiAiiAii==": "/past_meetings/4444AAAiAAAAAiAiAiiAii==",
		"aDYlohsHRtCd4ii1uC2+hA==": "/past_meetings/aDYlohsHRtCd4ii1uC2+hA==",
		"ab/cd==":                  "/past_meetings/ab%2Fcd==",
		"/ajXp112QmuoKj4854875==":  "/past_meetings/%252FajXp112QmuoKj4854875==",
		"ab//cd==":                 "/past_meetings/ab%252F%252Fcd==",
		"a/b//c":                   "/past_meetings/a%252Fb%252F%252Fc",
		"":                         "", "..": "", "a b": "", "%2F": "", "aa?x=1": "", "é": "",
	}
	for uuid, want := range tests {
		got, err := sessionPath(uuid)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q and %v, want %q", uuid, got, err, want)
		}
	}
}

// escapedPath is what a request to that path has on the wire, as net/http writes it.
func escapedPath(t *testing.T, path string) string {
	t.Helper()
	u, err := url.Parse(defaultBaseURL + path)
	if err != nil {
		t.Fatalf("%q: %v", path, err)
	}
	if u.RawQuery != "" || u.Fragment != "" || u.Host != "api.zoom.us" {
		t.Fatalf("%q became %s", path, u)
	}
	return u.EscapedPath()
}

func FuzzSessionPath(f *testing.F) {
	for _, seed := range []string{"aDYlohsHRtCd4ii1uC2+hA==", "/a==", "a//b", "..", "a b", "%2F", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uuid string) {
		path, err := sessionPath(uuid)
		if err != nil {
			return
		}
		if got := escapedPath(t, path); got != "/v2"+path {
			t.Fatalf("%q was sent as %q", path, got)
		}
		segment, _ := strings.CutPrefix(path, "/past_meetings/")
		if strings.Contains(segment, "/") {
			t.Errorf("%q is more than one segment", segment)
		}
		decoded, err := url.PathUnescape(segment)
		if err != nil {
			t.Fatal(err)
		}
		twice := strings.HasPrefix(uuid, "/") || strings.Contains(uuid, "//")
		if twice {
			decoded, err = url.PathUnescape(decoded)
		}
		if decoded != uuid || err != nil {
			t.Errorf("%q reads as %q, %v", uuid, decoded, err)
		}
	})
}

func FuzzUserPath(f *testing.F) {
	for _, seed := range []string{"ada+oncall@example.com", "a/../b?x=1#y", "%2e%2e", "zoë@example.com", "..", "me", "a\r\nb", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, user string) {
		path, err := userPath(user, "/meetings")
		if err != nil {
			return
		}
		segments := strings.Split(escapedPath(t, path), "/")
		if len(segments) != 5 || segments[2] != "users" || segments[4] != "meetings" {
			t.Fatalf("%q went to %q", user, segments)
		}
		if got, err := url.PathUnescape(segments[3]); got != user || err != nil {
			t.Errorf("%q reads as %q, %v", user, got, err)
		}
	})
}

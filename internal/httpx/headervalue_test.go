package httpx_test

import (
	"testing"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
)

func TestIsHeaderValue(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"eyJhbGciOi.x_y-z==": true, "~": true, "!": true,
		"": false, " ": false, "two words": false, "two\nlines": false, "\x7f": false, "é": false, "a\x00": false,
	} {
		if got := httpx.IsHeaderValue(s); got != want {
			t.Errorf("%q: %t, want %t", s, got, want)
		}
	}
}

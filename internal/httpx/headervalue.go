package httpx

import "strings"

// IsHeaderValue reports whether s can be sent in a header as it is: printable ASCII
// without blanks, and not empty.
func IsHeaderValue(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

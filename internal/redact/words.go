package redact

import (
	"strings"
	"unicode"
)

// Words returns a vendor's message fit to be repeated: without links, without bearer and
// basic credentials, and without the secrets that were sent, which some vendors repeat in
// an error.
func Words(text string, secrets ...string) string {
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, placeholder)
		}
	}
	text = absoluteURL.ReplaceAllString(text, "[link]")
	return credentials.ReplaceAllString(text, "${1}"+placeholder)
}

// Line returns [Words] as one line of printable text, at most limit bytes long and an
// ellipsis.
func Line(text string, limit int, secrets ...string) string {
	text = Words(text, secrets...)
	fields := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == ' ' })
	text = strings.Join(fields, " ")
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}

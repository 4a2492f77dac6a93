// Package phone prepares dial-in numbers for web pages. A number may be followed by
// pauses (commas) and keys, such as a meeting id and a passcode.
package phone

import "strings"

// TelURI returns the number as the part of a tel: link after the colon: its digits,
// pauses and keys.
func TelURI(number string) string {
	var b strings.Builder
	for _, r := range number {
		switch {
		case r == '#':
			b.WriteString("%23")
		case strings.ContainsRune("+0123456789,*", r):
			b.WriteRune(r)
		}
	}
	return b.String()
}

// SplitPauses splits a number before each pause, so that a page can keep every part on
// one line.
func SplitPauses(number string) []string {
	var parts []string
	for number != "" {
		start := len(number) - len(strings.TrimLeft(number, ","))
		end := strings.IndexByte(number[start:], ',')
		if end < 0 {
			return append(parts, number)
		}
		parts = append(parts, number[:start+end])
		number = number[start+end:]
	}
	return parts
}

package nethttp

import "strings"

// tel writes a number as the part of a tel: link after the colon: digits, and the waits and keys that follow.
func tel(number string) string {
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

// pieces cuts a number where a phone begins to wait, so that each piece can stay together on a line.
func pieces(number string) []string {
	var all []string
	for number != "" {
		begin := len(number) - len(strings.TrimLeft(number, ","))
		end := strings.IndexByte(number[begin:], ',')
		if end < 0 {
			return append(all, number)
		}
		all = append(all, number[:begin+end])
		number = number[begin+end:]
	}
	return all
}

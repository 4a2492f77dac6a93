package bridge

import (
	"slices"
	"strconv"
	"strings"

	"github.com/incidentbridge/incidentbridge/zoom"
)

// dialIns writes what a phone dials to reach a meeting, best first, each plainer than the
// one before: with the phone passcode, with the meeting id alone, the number alone. A
// comma waits a second.
//
//	+1 415 555 1212,,98765432101#,,,,*123456#
func dialIns(m *zoom.Meeting, choice DialInPreference) []string {
	number := dialNumber(m.Settings.GlobalDialInNumbers, choice)
	if number == "" {
		return nil
	}
	plain := number + ",," + strconv.FormatInt(m.ID, 10) + "#"
	ways := []string{plain, number}
	if passcode := string(m.PhonePassword); isNumber(passcode) {
		ways = slices.Insert(ways, 0, plain+",,,,*"+passcode+"#")
	}
	return ways
}

// dialNumber picks a number: by country in order of preference, a toll number before a
// toll-free one, since not every country can call the latter.
func dialNumber(numbers []zoom.DialInNumber, choice DialInPreference) string {
	if choice.Off {
		return ""
	}
	best, bestRank := "", 0
	for _, n := range numbers {
		dialable := dialable(n.Number)
		if dialable == "" {
			continue
		}
		rank := 2 * len(choice.Countries)
		if i := slices.IndexFunc(choice.Countries, func(c string) bool { return strings.EqualFold(c, n.Country) }); i >= 0 {
			rank = 2 * i
		}
		if n.Type == "tollfree" {
			rank++
		}
		if best == "" || rank < bestRank {
			best, bestRank = dialable, rank
		}
	}
	return best
}

// dialable is the number if a phone can dial it as it is, else "".
func dialable(number string) string {
	number = strings.Join(strings.Fields(number), " ")
	digits := 0
	for i, r := range number {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r == '+' && i == 0, r == ' ', r == '-', r == '(', r == ')', r == '.':
		default:
			return ""
		}
	}
	if digits < 5 || digits > 15 {
		return ""
	}
	return number
}

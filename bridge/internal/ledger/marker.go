package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// Marker leads a meeting's agenda and names the ledger, the incident and the generation
// that it was created for, so that a meeting whose create was lost is found again and no
// other is ever touched: not another deployment's, nor P12's when P1 is looked for.
//
//	[incidentbridge ledger=<hex> incident=<id> generation=<n> nonce=<hex> check=<hex>]
type Marker struct {
	Ledger     string
	Incident   string
	Generation int
	Nonce      string
}

// String writes the marker as an agenda has it.
func (m Marker) String() string {
	fields := "ledger=" + m.Ledger + " incident=" + m.Incident +
		" generation=" + strconv.Itoa(m.Generation) + " nonce=" + m.Nonce
	sum := sha256.Sum256([]byte(fields))
	return "[incidentbridge " + fields + " check=" + hex.EncodeToString(sum[:8]) + "]"
}

// ParseMarker reads the marker that leads an agenda. A text that is not byte for byte
// what String writes is no marker.
func ParseMarker(agenda string) (Marker, bool) {
	text, _, found := strings.Cut(agenda, "]")
	words := strings.Fields(text)
	if !found || len(words) != 6 {
		return Marker{}, false
	}
	value := func(i int) string {
		_, v, _ := strings.Cut(words[i], "=")
		return v
	}
	generation, err := strconv.Atoi(value(3))
	if err != nil {
		return Marker{}, false
	}
	m := Marker{Ledger: value(1), Incident: value(2), Generation: generation, Nonce: value(4)}
	return m, m.String() == text+"]"
}

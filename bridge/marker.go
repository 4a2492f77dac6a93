package bridge

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// marker leads a call's agenda and says whose it is, so that a call whose create was lost is found again and no other
// is ever touched: not another deployment's, nor P12's when P1 is looked for.
//
//	[incidentbridge ledger=<hex> incident=<id> generation=<n> nonce=<hex> check=<hex>]
type marker struct {
	ledger     string
	incident   string
	generation int
	nonce      string
}

func (m marker) fields() string {
	return "ledger=" + m.ledger + " incident=" + m.incident +
		" generation=" + strconv.Itoa(m.generation) + " nonce=" + m.nonce
}

func (m marker) String() string {
	sum := sha256.Sum256([]byte(m.fields()))
	return "[incidentbridge " + m.fields() + " check=" + hex.EncodeToString(sum[:8]) + "]"
}

// parseMarker reads the marker that leads an agenda. A marker that is not byte for byte what String writes is none.
func parseMarker(agenda string) (marker, bool) {
	text, _, found := strings.Cut(agenda, "]")
	words := strings.Fields(text)
	if !found || len(words) != 6 {
		return marker{}, false
	}
	value := func(i int) string {
		_, v, _ := strings.Cut(words[i], "=")
		return v
	}
	generation, err := strconv.Atoi(value(3))
	if err != nil {
		return marker{}, false
	}
	m := marker{ledger: value(1), incident: value(2), generation: generation, nonce: value(4)}
	return m, m.String() == text+"]"
}

// newNonce is 64 random bits in hex.
func newNonce() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand.Read
	return hex.EncodeToString(b[:])
}

package nethttp

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
)

// bearerTokens are the digests of the tokens that open a route. Comparing digests takes the same time for a guess of
// any length.
type bearerTokens [][sha256.Size]byte

func newBearerTokens(tokens []string) (bearerTokens, error) {
	var known bearerTokens
	for _, token := range tokens {
		if token == "" {
			return nil, errors.New("a token is empty")
		}
		if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return nil, errors.New("a token holds what no header can carry: use printable ASCII without blanks")
		}
		known = append(known, sha256.Sum256([]byte(token)))
	}
	return known, nil
}

// admit says whether the request carries one of the tokens. All are looked at, match or not.
func (t bearerTokens) admit(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	given := sha256.Sum256([]byte(strings.TrimSpace(token)))
	match := 0
	for _, known := range t {
		match |= subtle.ConstantTimeCompare(given[:], known[:])
	}
	return match == 1
}

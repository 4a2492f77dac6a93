package specs

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Side is who broke the contract.
type Side string

// The two sides of a request.
const (
	Client Side = "client" // it sent what the vendor does not take
	Fake   Side = "fake"   // it answered, or delivered, what the vendor would not
)

// Violation is one difference between what was sent and what is published.
type Violation struct {
	Operation string // as the document has it: "PUT /incidents/{id}", or the name of a webhook
	Side      Side
	Field     string // "body.incident.type", "query.limit", "header.From", "status 409"
	Reason    string
}

// String says who broke what, in one line.
func (v Violation) String() string {
	return fmt.Sprintf("%s: %s: %s: %s", v.Operation, v.Side, v.Field, v.Reason)
}

// Exception lets a known difference pass, because the document is wrong or says less than
// is known of the vendor.
type Exception struct {
	Operation string // as a violation has it; "*" is every operation, and a step "*" of a path anything
	Side      Side
	Field     string // as a violation has it; a step "*" is any name or index
	Why       string
}

// covers tells whether the violation is the known difference.
func (e Exception) covers(v Violation) bool {
	operation, err := path.Match(e.Operation, v.Operation)
	if err != nil || e.Side != v.Side || (e.Operation != "*" && !operation) {
		return false
	}
	known, found := strings.Split(e.Field, "."), strings.Split(v.Field, ".")
	return slices.EqualFunc(known, found, func(k, f string) bool { return k == "*" || k == f })
}

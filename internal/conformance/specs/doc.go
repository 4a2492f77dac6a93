// Package specs holds requests, answers and webhooks against what the vendors have
// published of their APIs.
//
// A [Contract] is one vendor's document. Its Transport sits between a client and a fake,
// and reports every [Violation]: what the client sends that the vendor did not ask for,
// and what the fake answers that the vendor never would. Beyond the document's own rules
// a field or query parameter that the document does not name is a violation, since both
// vendors pass over a misspelt one without a word.
//
// # The documents
//
// They belong to the vendors and are not part of this repository. The tests look for
// shared/specs beside the root of the tree, or in the folder that INCIDENTBRIDGE_SPECS
// names, seen from that root. Where they are missing the tests skip and say so; they fail
// instead where INCIDENTBRIDGE_REQUIRE lists "specs" or, unless it is set, with CI=true.
//
// # Where a document is wrong
//
// An [Exception] lets one known difference pass, and says why the document is wrong or
// narrower than the vendor. One that nothing needs any more is a failure too.
package specs

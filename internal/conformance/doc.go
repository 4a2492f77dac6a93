// Package conformance holds the tests that need something real: the built programs, a
// browser, databases, an OAuth server.
//
// Package specs below it has the checks against the vendors' specifications, and says
// where those are looked for.
//
// Package need skips, or fails, where one of these is not on this machine.
package conformance

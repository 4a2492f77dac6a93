// Package conformance holds the tests that need something real: the built programs, a
// browser, databases, an OAuth server.
//
// Package lambda below it runs the Lambda function under a Runtime API.
//
// Package specs has the checks against the vendors' specifications, and says
// where those are looked for.
//
// Package need skips, or fails, where one of these is not on this machine.
package conformance

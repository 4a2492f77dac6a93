// Package conformance holds the tests that need something real: the built programs, a browser, and later databases, an
// OAuth server and the vendors' specifications.
//
// A test whose tool is not on this machine is skipped and says how to get it. INCIDENTBRIDGE_REQUIRE names tools, by
// comma, that must be there (chromium); with CI=true all of them must.
package conformance

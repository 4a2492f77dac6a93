// Package conformance holds the tests that need something real: the built programs, a browser, and later databases
// and an OAuth server.
//
// Package specs below it has the checks against the vendors' specifications, and says where those are looked for.
//
// A test whose tool is not on this machine is skipped and says how to get it. INCIDENTBRIDGE_REQUIRE names tools, by
// comma, that must be there (chromium); with CI=true all of them must.
package conformance

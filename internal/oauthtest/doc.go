// Package oauthtest holds the OAuth apps of the zoom and pagerduty clients to what both
// promise: codes and refresh tokens are sent once, every refusal has its sentinel and the
// form that a token store reads, and no error holds a secret. What the vendors do
// differently is in the tests of the clients.
//
//	func TestOAuth(t *testing.T) {
//		oauthtest.Run(t, oauthtest.Vendor{NewFake: ..., NewApp: ..., Refusals: ...})
//	}
package oauthtest

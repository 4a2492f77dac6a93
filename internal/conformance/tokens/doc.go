// Package tokens proves, with real processes, databases and an independent OAuth server,
// that a fleet uses a refresh token once, and that nothing of a token is left in the
// store.
package tokens

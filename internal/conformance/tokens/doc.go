// Package tokens proves, with real processes, databases and somebody else's OAuth server, that a fleet uses a refresh token
// once, and that nothing of a token is left behind.
package tokens

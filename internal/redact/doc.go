// Package redact keeps secrets out of what people and logs read: Secret is a string that prints as "[redacted]",
// Error takes queries, userinfo and credentials out of an error's text while errors.Is and errors.As still see
// the cause, and Words makes a vendor's words fit to be repeated.
package redact

// Package redact keeps secrets out of what people and logs read. [Secret] is a string
// that prints as "[redacted]", and [SecretFunc] is its form for unexported fields.
// [Error] takes queries, userinfo and credentials out of an error's text, while errors.Is
// and errors.As still see the cause, and [Words] does the same to a vendor's message.
package redact

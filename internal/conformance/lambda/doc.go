// Package lambda tests examples/lambda: its real bootstrap runs under a Runtime API, with
// both vendors as fakes and dynalite as DynamoDB, and its template is compared with the
// code.
//
// Command local replays sample events on this machine; command bench measures the
// function.
package lambda

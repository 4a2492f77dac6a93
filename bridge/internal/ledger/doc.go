// Package ledger keeps one record per incident and changes it by compare-and-swap alone.
//
//	record.go      what is known of an incident's bridge, and its JSON
//	transition.go  every change of the state: the table of what may follow, and the timers
//	task.go        what is due about a record, from its state and its timers
//	marker.go      how a meeting says which generation of which record it belongs to
//	store.go       read, write, update, list what is due
//
// It knows no vendor and calls nothing but the store. docs/protocol.md says what the
// states mean.
package ledger

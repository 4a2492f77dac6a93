// Package tokenstore keeps the records that must survive: the ledger of bridges and the
// OAuth grants. It has the contract that every backend keeps, a backend in memory, and a
// token source that many processes may share. docs/protocol.md describes both step by
// step.
//
// # Store
//
// A [Store] holds versioned records. Every change is a compare-and-swap: read a record,
// change it, put it back under the version that was read; [ErrConflict] means that
// another writer was faster, so read again. Locks are leases inside records, made the
// same way: no backend needs a lock service. [NewMemory] returns a Store for tests and
// demos; package storetest proves any other, and docs/implementing-a-store.md says how to
// write one. [Sealed] encrypts the values of any of them.
//
// # TokenSource
//
// A [TokenSource] turns a Store, a key and a refresh function into a source of access
// tokens:
//
//	source, err := tokenstore.NewTokenSource(store, "grant/acme/zoom", refresh)
//	err = source.Save(ctx, installation, token) // after the consent
//	token, err := source.Token(ctx)             // before every call
//	source.Invalidate(ctx, token)               // when the vendor rejects it
//	err = source.KeepAlive(ctx)                 // every hour, in case nobody calls
//	err = source.Wait(ctx)                      // before the process ends
//
// Vendors such as Zoom accept a refresh token once and answer with its successor. The
// source therefore refreshes in one process of the fleet at a time, stores the successor
// before anyone gets it, and continues when the caller that asked leaves.
//
// # Errors
//
// Every method of a TokenSource fails with an [*Error]. What to do:
//
//   - [ErrNotInstalled]: run the install flow
//   - [ErrReauthorize]: the grant is lost, ask an administrator for consent and Save it
//   - [ErrInDoubt], [ErrNotSaved]: call again later
//   - [ErrUnreadable]: the record belongs to a newer program, is damaged, or its key is missing
//
// No token is ever in the text of an Error. A context's error stays visible to errors.Is.
//
// # Concurrency
//
// Everything here may be used by any number of goroutines. Nothing needs to be closed; a
// TokenSource runs a goroutine only while it refreshes.
package tokenstore

// Package storetest is the suite that every [tokenstore.Store] passes. Each subtest is
// one rule of the store contract and is named after it, so a failure names the promise
// that is broken.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) tokenstore.Store { return mystore.New(database(t)) })
//	}
//
// Run sees a store from outside, through its four methods. Three promises need more than
// one working store, and each has an option: [WithResend] for a driver that sends a write
// again, [WithReopen] for a process that ends, and [WithSecondInstance] for a fleet.
// Without the option their rules are skipped, with NOT PROVED.
//
// The suite cannot see whether an acknowledged write survives the loss of the machine,
// and how old a read from a replica may be: these are for the store's own tests.
//
// A [Hook] is a store for tests of its users: it fails, delays or observes single calls.
package storetest

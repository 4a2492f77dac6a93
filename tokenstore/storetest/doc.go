// Package storetest is the suite that every [tokenstore.Store] passes. Each subtest is one line of the store contract and
// is named after it, so a failure names the promise that is broken.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) tokenstore.Store { return mystore.New(database(t)) })
//	}
//
// Run sees a store from outside, through the four methods. Three promises need more than one store that is there and well,
// and each has an option: [WithResend] for a driver that sends a write again, [WithReopen] for a process that ends, and
// [WithSecondInstance] for a fleet. Their rules are skipped without it, and say so.
//
// What the suite cannot see is for the store's own tests: whether an acknowledged write survives the loss of the machine,
// and how old a read from a replica may be.
package storetest

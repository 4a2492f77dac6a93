// Package storetest is the suite that every [tokenstore.Store] passes. Each subtest is one line of the store contract and
// is named after it, so a failure names the promise that is broken.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) tokenstore.Store { return mystore.New(database(t)) })
//	}
//
// It sees a store from outside, through the four methods. What it cannot see is for the store's own tests: what happens
// when a driver resends a write whose answer was lost, whether an acknowledged write survives a crash, and how old a read
// from a replica may be.
package storetest

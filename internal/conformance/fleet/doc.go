// Package fleet runs examples/httpserver as people do: several processes on one store,
// killed, upgraded, cut off from their store.
package fleet

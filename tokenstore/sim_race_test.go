//go:build race

package tokenstore_test

// With the race detector everything takes several times as long.
const (
	defaultSeeds  = 200
	repeatedSeeds = 10

	withRaceDetector = true
)

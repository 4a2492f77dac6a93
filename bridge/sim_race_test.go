//go:build race

package bridge_test

// With the race detector everything takes several times as long.
const (
	defaultSeeds  = 300
	repeatedSeeds = 20

	withRaceDetector = true
)

//go:build !race

package bridge_test

const (
	defaultSeeds  = 2000
	repeatedSeeds = 200

	withRaceDetector = false
)

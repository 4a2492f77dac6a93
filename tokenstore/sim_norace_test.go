//go:build !race

package tokenstore_test

const (
	defaultSeeds  = 2000
	repeatedSeeds = 100

	withRaceDetector = false
)

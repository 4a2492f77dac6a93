//go:build !race

package simtest

// RaceDetector reports whether the test binary was built with the race detector.
const RaceDetector = false

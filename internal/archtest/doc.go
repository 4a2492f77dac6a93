// Package archtest holds the tests on the shape of the tree, and nothing else:
// which package may import which (arrows_test.go), what each go.mod may ask
// for (gomod_test.go), that the exported API is the one written down in
// docs/api.txt (api_test.go), and that the files which documents name exist
// (paths_test.go).
//
// Each rule is a plain function over what the go command reports, so that its
// test can plant a fault and see it found.
package archtest

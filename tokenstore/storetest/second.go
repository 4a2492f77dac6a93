package storetest

import (
	"strconv"
	"testing"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// secondFunc opens the same data twice.
type secondFunc = func(t *testing.T) (one, other tokenstore.Store)

// WithSecondInstance lets [Run] prove that a fleet may share the data: open returns two
// stores on it that share nothing else, no connection and no cache, as in two processes.
func WithSecondInstance(open func(t *testing.T) (one, other tokenstore.Store)) Option {
	return func(s *setup) { s.second = open }
}

type secondRule struct {
	name  string
	check func(t testing.TB, one, other tokenstore.Store, space string)
}

func runSecond(t *testing.T, open secondFunc) {
	t.Helper()
	for _, rule := range secondRules() {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			if open == nil {
				skipWithout(t, "WithSecondInstance")
			}
			one, other := open(t)
			rule.check(t, one, other, newSpace())
		})
	}
}

func secondRules() []secondRule {
	return []secondRule{
		{"Two instances: each sees at once what the other was acknowledged", secondSees},
		{"Two instances: of 64 creates at once exactly one wins", func(t testing.TB, one, other tokenstore.Store, space string) {
			oneWins(t, space+"/a", "", one, other)
		}},
		{"Two instances: of 64 writers on one version exactly one wins", func(t testing.TB, one, other tokenstore.Store, space string) {
			oneWins(t, space+"/a", mustPut(t, one, space+"/a", tokenstore.Record{}), one, other)
		}},
		{"Two instances: 64 goroutines count to 64 without a lost update", func(t testing.TB, one, other tokenstore.Store, space string) {
			countTogether(t, space, one, other)
		}},
		{"Two instances: each names what the other made due", func(t testing.TB, one, other tokenstore.Store, space string) {
			mustPut(t, one, space+"/a", tokenstore.Record{DueAt: past()})
			mustPut(t, other, space+"/b", tokenstore.Record{DueAt: soon()})
			wantDue(t, other, space, soon(), space+"/a", space+"/b")
			wantDue(t, one, space, soon(), space+"/a", space+"/b")
		}},
	}
}

func secondSees(t testing.TB, one, other tokenstore.Store, space string) {
	var r tokenstore.Record
	for i := range 20 {
		r.Value = []byte(strconv.Itoa(i))
		r.Version = mustPut(t, one, space+"/a", r)
		wantRecord(t, other, space+"/a", r)
		wantRecord(t, one, space+"/a", r)
		one, other = other, one
	}
	mustDelete(t, one, space+"/a", r.Version)
	wantAbsent(t, other, space+"/a")
}

package bridge_test

import (
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
)

// maxAge is the bridge's default.
const maxAge = 24 * time.Hour

// family is a kind of run: what may happen in it, and how often.
type family struct {
	name       string
	weight     int
	programs   int
	incidents  int
	steps      int
	faults     int               // percent of the calls that go wrong
	before     func(*simulation) // what has happened before
	refusing   int               // percent of the writes that PagerDuty refuses for good, or takes late
	dailyLimit int
	ends       bool // every request has a hard deadline, soon after its caller has given up
	options    []bridge.Option
	actions    map[actionKind]int
}

type actionKind string

// What may happen, besides calls, faults and time.
const (
	click       actionKind = "click"        // a new trigger
	replaceIt   actionKind = "replace"      // somebody asks for another bridge
	redelivery  actionKind = "redelivery"   // a trigger comes once more, anywhere
	resolve     actionKind = "resolve"      // the incident is resolved, or triggered again
	news        actionKind = "news"         // an event of an incident is delivered, in any order, perhaps twice
	closeIt     actionKind = "close"        // somebody asks for the end
	humanEdits  actionKind = "human edit"   // a human writes a bridge, or clears it
	people      actionKind = "people"       // somebody joins or leaves a meeting
	lookAtDue   actionKind = "look at due"  // a process looks at what is due
	crashing    actionKind = "crash"        // a process dies, and another starts
	freezing    actionKind = "freeze"       // a process freezes until its leases are over
	outage      actionKind = "store outage" // the store goes down, or comes up again
	lateMessage actionKind = "late message" // a message whose sender gave up arrives after all
	patience    actionKind = "patience"     // a long time passes
)

func families() []family {
	longGrace, shortGrace := bridge.WithGrace(10*time.Minute), bridge.WithGrace(20*time.Second)
	room := bridge.WithFallback(bridge.StaticRoom("https://meet.example.com/warroom", "+1 202 555 0100"))
	return []family{
		{
			name: "a double click", weight: 10, programs: 2, incidents: 1, steps: 120, faults: 4, dailyLimit: 100,
			actions: map[actionKind]int{click: 8, redelivery: 6, lookAtDue: 4, lateMessage: 4, crashing: 1, resolve: 1, news: 2},
		},
		{
			name: "crashes", weight: 20, programs: 2, incidents: 1, steps: 180, faults: 8, dailyLimit: 100,
			options: []bridge.Option{shortGrace},
			actions: map[actionKind]int{
				click: 4, redelivery: 4, lookAtDue: 12, lateMessage: 6, crashing: 6, resolve: 2, news: 3, closeIt: 1,
			},
		},
		{
			name: "resolved, reopened, closed", weight: 20, programs: 2, incidents: 1, steps: 200, faults: 5, before: (*simulation).allAttached,
			dailyLimit: 100, options: []bridge.Option{shortGrace},
			actions: map[actionKind]int{
				click: 4, redelivery: 5, resolve: 6, news: 8, closeIt: 3, people: 3, lookAtDue: 12,
				lateMessage: 4, crashing: 3, outage: 1, patience: 2,
			},
		},
		{
			name: "a human edits", weight: 12, programs: 2, incidents: 1, steps: 150, faults: 6, dailyLimit: 100,
			options: []bridge.Option{longGrace},
			actions: map[actionKind]int{
				click: 5, redelivery: 4, humanEdits: 6, news: 8, lookAtDue: 8, lateMessage: 4, crashing: 2, people: 2, outage: 1,
				patience: 2,
			},
		},
		{
			name: "two incidents", weight: 10, programs: 2, incidents: 2, steps: 220, faults: 7, dailyLimit: 100,
			options: []bridge.Option{shortGrace},
			actions: map[actionKind]int{
				click: 8, redelivery: 4, lookAtDue: 12, lateMessage: 5, crashing: 4, resolve: 2, news: 3, people: 2,
			},
		},
		{
			name: "three processes", weight: 15, programs: 3, incidents: 1, steps: 220, faults: 8, dailyLimit: 100,
			options: []bridge.Option{shortGrace, room},
			actions: map[actionKind]int{
				click: 6, redelivery: 5, resolve: 3, news: 4, closeIt: 1, humanEdits: 1, people: 2, lookAtDue: 14,
				lateMessage: 6, crashing: 4, freezing: 2, outage: 1, patience: 1,
			},
		},
		{
			name: "frozen", weight: 12, programs: 2, incidents: 1, steps: 180, faults: 4, dailyLimit: 100,
			before:  (*simulation).aLateDecision,
			options: []bridge.Option{shortGrace},
			actions: map[actionKind]int{
				click: 6, redelivery: 4, freezing: 10, lookAtDue: 14, lateMessage: 3, resolve: 2, news: 3, closeIt: 1,
			},
		},
		{
			name: "a lost create", weight: 10, programs: 2, incidents: 1, steps: 160, faults: 7, dailyLimit: 100,
			before: (*simulation).aLostCreate, options: []bridge.Option{shortGrace},
			actions: map[actionKind]int{
				click: 4, redelivery: 3, lookAtDue: 14, lateMessage: 4, crashing: 4, people: 2, news: 2, patience: 3,
			},
		},
		{
			name: "an old event", weight: 14, programs: 2, incidents: 1, steps: 140, faults: 4, dailyLimit: 100,
			before: (*simulation).anOldEvent, options: []bridge.Option{shortGrace},
			actions: map[actionKind]int{
				click: 1, redelivery: 8, humanEdits: 2, news: 4, lookAtDue: 6, lateMessage: 3, crashing: 2,
			},
		},
		{
			name: "one after the other", weight: 10, programs: 2, incidents: 1, steps: 240, faults: 6, dailyLimit: 100,
			before: (*simulation).aFormerWrite, options: []bridge.Option{bridge.WithGrace(0)},
			actions: map[actionKind]int{
				click: 8, redelivery: 3, closeIt: 5, news: 3, lookAtDue: 16, lateMessage: 3, crashing: 2, people: 1,
			},
		},
		{
			name: "replaced", weight: 25, programs: 2, incidents: 1, steps: 200, faults: 7, refusing: 6,
			before: (*simulation).aReplaceUnderWay, dailyLimit: 100, options: []bridge.Option{shortGrace},
			actions: map[actionKind]int{
				replaceIt: 8, click: 2, redelivery: 6, resolve: 2, news: 5, closeIt: 2, humanEdits: 1, people: 4, lookAtDue: 16,
				lateMessage: 5, crashing: 4, freezing: 2, outage: 1, patience: 2,
			},
		},
		{
			name: "the end", weight: 30, programs: 2, incidents: 1, steps: 120, faults: 4, dailyLimit: 100,
			before: (*simulation).allClosing, options: []bridge.Option{bridge.WithGrace(0)},
			actions: map[actionKind]int{
				click: 2, redelivery: 2, lookAtDue: 20, crashing: 5, freezing: 5, lateMessage: 3, people: 2, outage: 1, resolve: 1,
			},
		},
		{
			name: "PagerDuty refuses", weight: 8, programs: 2, incidents: 1, steps: 180, faults: 4, refusing: 40, dailyLimit: 100,
			before: (*simulation).aRefusedWrite,
			actions: map[actionKind]int{
				click: 5, redelivery: 4, lookAtDue: 14, lateMessage: 10, crashing: 2, resolve: 1, news: 3, patience: 4,
			},
		},
		{
			name: "the day's last meeting", weight: 12, programs: 2, incidents: 1, steps: 160, faults: 6, dailyLimit: 0,
			before: (*simulation).failingForLong, options: []bridge.Option{shortGrace},
			actions: map[actionKind]int{
				click: 4, redelivery: 3, lookAtDue: 16, lateMessage: 3, freezing: 2, outage: 1, crashing: 3, patience: 6,
			},
		},
		{
			name: "functions", weight: 12, programs: 3, incidents: 1, steps: 220, faults: 8, dailyLimit: 100, ends: true,
			options: []bridge.Option{shortGrace, room},
			actions: map[actionKind]int{
				click: 6, replaceIt: 1, redelivery: 5, resolve: 2, news: 3, closeIt: 1, humanEdits: 1, people: 2, lookAtDue: 14,
				lateMessage: 6, crashing: 3, freezing: 2, outage: 1, patience: 1,
			},
		},
		{
			name: "nothing works", weight: 6, programs: 2, incidents: 1, steps: 220, faults: 45, dailyLimit: 1,
			options: []bridge.Option{shortGrace},
			actions: map[actionKind]int{
				click: 5, redelivery: 3, lookAtDue: 16, lateMessage: 4, outage: 1, resolve: 1, news: 2, patience: 6, crashing: 1,
			},
		},
	}
}

// familyFor names the family for a step that few others come to.
func familyFor() map[string]string {
	return map[string]string{
		"zoom list": "a lost create", "zoom get": "the end", "zoom end": "the end", "zoom delete": "the end",
		"store put ending": "the end", "store put closed": "the end",
		"store put failed": "the day's last meeting", "store put external": "a human edits",
		"pagerduty update_incident": "a double click", "store put attached": "a double click",
	}
}

func (s *simulation) pickFamily() family {
	all, total := families(), 0
	for _, f := range all {
		total += f.weight
		if f.name == familyFor()[s.Target.Step] {
			return f
		}
	}
	n := s.IntN(total)
	for _, f := range all {
		if n < f.weight {
			return f
		}
		n -= f.weight
	}
	panic("unreachable")
}

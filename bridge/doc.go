// Package bridge makes one conference bridge per incident and writes it to the incident:
// once, whatever fails.
//
// # Quick start
//
// A [Service] is made of three things: where the incidents are, who makes meetings, and
// where the ledger is kept.
//
//	svc, err := bridge.New(bridge.PagerDuty(pd), bridge.Zoom(zc, "host@example.com"), store)
//	go svc.Run(ctx)
//	b, err := svc.Open(ctx, bridge.Request{IncidentID: "PABC123"})
//
// [Service.Open] may be called as often as you like, from as many processes as you like,
// for the same incident: there is one meeting. [Service.Run] finishes what a crash, or a
// vendor's failure, left half-way; start it in every process. [Service.Close] ends a
// bridge after a grace period, and never while somebody is inside. [Service.Replace]
// makes another one on purpose.
//
// # How one stays one
//
// The rule under everything is: decide, then publish. Each incident has one record in the
// store, changed only by compare-and-swap. The first write that puts a meeting into a
// generation of that record decides it; the decision never changes, only a decided link
// is written to the incident, and nothing is deleted unless the record shows that
// something else was decided. Leases only avoid duplicate work. Correctness rests on
// compare-and-swap alone, so a wrong clock cannot cause a second meeting.
//
//	read ─▶ claim ─▶ look for a lost one ─▶ create ─▶ decide ─▶ publish ─▶ attached
//	          ║                                          │
//	          ╚═ side by side: incident, requester       └─ lost? delete ours, use theirs
//
// A create whose answer was lost is looked for by the marker in the meeting's agenda
// before another is sent. A duplicate that is found later is deleted by an audit.
//
// To read the code: open.go answers or starts an attempt, attempt.go is the protocol from
// top to bottom, create.go and publish.go are its two vendor calls, close.go ends a
// bridge, reconcile.go does what is due, repair.go verifies and audits.
// docs/architecture.md is the map and docs/protocol.md explains each step.
//
// # Functions
//
// A process that is frozen between two events, as on AWS Lambda, opens under
// [WithHardDeadline], has a schedule call [Service.Reconcile] in place of Run, and calls
// [Service.Wait] before it returns. Package awslambda does that.
//
// # Errors
//
// Every error is an [*Error]: it says at which step what failed, what exists now
// ([Error.MeetingID]) and whether the ledger tries again by itself ([Error.Kept]). Tell
// them apart with errors.Is and the sentinels of this package. A bridge in state
// [StateCreated] with a nil error has a link that PagerDuty has not accepted yet; the
// ledger tries again.
//
// # Other vendors
//
// [Incidents] and [Provider] are small interfaces in this package's own words.
// [PagerDuty] and [Zoom] fit the clients of this module to them; [StaticRoom] is a
// provider of last resort for [WithFallback].
package bridge

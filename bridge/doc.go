// Package bridge makes one conference call per incident and writes it to the incident as its conference bridge: once,
// whatever fails.
//
// # Quick start
//
// A [Service] is made of three things: where the incidents are, who makes calls, and where the ledger is kept.
//
//	svc, err := bridge.New(bridge.PagerDuty(pd), bridge.Zoom(zc, "host@example.com"), store)
//	go svc.Run(ctx)
//	b, err := svc.Open(ctx, bridge.Request{IncidentID: "PABC123"})
//
// [Service.Open] may be called as often as you like, from as many processes as you like, for the same incident: there
// is one meeting. [Service.Run] finishes what a crash, or a vendor's fault, left half-way; start it in every process.
// [Service.Close] ends a bridge after a grace period, and never while somebody is inside. [Service.Replace] makes another
// one on purpose.
//
// # How one stays one
//
// The rule under everything is: decide, then publish. Each incident has one record in the store, changed only by
// compare-and-swap. The first write that puts a meeting into a generation of that record decides it; the decision never
// changes, only a decided link is written to the incident, and nothing is deleted unless the record shows that
// something else was decided. Leases save work and guard nothing.
//
//	read ─▶ claim ─▶ look for a lost one ─▶ create ─▶ decide ─▶ publish ─▶ attached
//	          ║                                          │
//	          ╚═ side by side: incident, requester       └─ lost? delete mine, use theirs
//
// A create whose answer was lost is looked for by the marker in the meeting's agenda before another is made. What is
// found too many is removed by an audit some minutes later.
//
// # Functions
//
// A process that is frozen between two events, as on AWS Lambda, opens under [WithHardDeadline], has a schedule call
// [Service.Reconcile] in place of Run, and calls [Service.Wait] before it returns. Package awslambda does that.
//
// # Errors
//
// Every error is an [*Error]: it says at which step what failed, what exists now ([Error.MeetingID]) and whether the
// ledger goes on by itself ([Error.Kept]). Tell them apart with errors.Is and the sentinels of this package. A bridge in
// state [StateCreated] with a nil error has a link that PagerDuty has not accepted yet; the ledger tries again.
//
// # Other vendors
//
// [Incidents] and [Provider] are small interfaces in this package's own words. [PagerDuty] and [Zoom] fit the clients
// of this module to them; [StaticRoom] is a provider of last resort for [WithFallback].
package bridge

package bridge_test

import (
	"testing"

	"github.com/incidentbridge/incidentbridge/internal/mutant"
	"github.com/incidentbridge/incidentbridge/internal/simtest"
)

// mutation is a mistake that somebody might make: a small change of the source, from a text that stands there once.
type mutation struct {
	name  string
	edits []edit
}

type edit struct{ file, from, to string }

// mutations are the mistakes that the simulation must find. When one of them no longer fits the source, write it anew
// for what the source says now: the mistake stays possible.
func mutations() []mutation {
	return []mutation{
		{"a link is published before it is decided", []edit{{
			"create.go", "		if err == nil {\n			return o.settle(", "		if err == nil {\n			_, _ = o.put(ctx, Link{URL: call.JoinURL})\n			return o.settle(",
		}}},
		{"a lost reply is taken for a lost race", []edit{
			{"ledger.go", "	if stands.Stamp == r.Stamp && stands.version != \"\" {\n		return stands, nil\n	}\n	if errors.Is(err, tokenstore.ErrConflict) {", "	if true {"},
			{"decide.go", "			if o.Call != nil && o.Call.same(mine) {", "			if false {"},
		}},
		{"a conflict deletes the meeting", []edit{{
			"decide.go", "		if e.Nonce != nonce {\n			return nil, o.discard(", "		if e.Nonce == nonce {\n			return nil, o.discard(",
		}}},
		{"a decision is made twice", []edit{{
			"decide.go", "	for {\n		if o.decidedElsewhere() {", "	for {\n		if false {",
		}}},
		{"an undecided generation is audited", []edit{
			{"audit.go", "		if r.State == Creating {\n			return errUnchanged\n		}\n", ""},
			{"audit.go", " || e.version == \"\" || e.State == Creating {", " || e.version == \"\" {"},
			{
				"duty.go", "		return []errand{{resumeIt, r.RetryAt}} // an audit",
				"		for _, at := range r.AuditAt {\n			errands = append(errands, errand{auditIt, at})\n		}\n" +
					"		return append(errands, errand{resumeIt, r.RetryAt}) // an audit",
			},
		}},
		{"nothing is audited", []edit{{
			"audit.go", "	return r.Call == nil || r.Call.MeetingID != callID", "	return false",
		}}},
		{"an audit ends a meeting that people are in", []edit{{
			"audit.go", "		return errors.Join(errStarted, s.nameSurplus(ctx, incidentID, callID))",
			"		if err := p.End(ctx, callID); err != nil {\n			return err\n		}",
		}}},
		{"a marker of another generation is accepted", []edit{{
			"create.go", "!ok || m != o.mark", "!ok || m.ledger != o.mark.ledger || m.incident != o.mark.incident",
		}}},
		{"a marker of another incident is accepted", []edit{{
			"create.go", "!ok || m != o.mark", "!ok || m.ledger != o.mark.ledger",
		}}},
		{"a marker of another ledger is accepted", []edit{{
			"create.go", "!ok || m != o.mark", "!ok || m.incident != o.mark.incident || m.generation != o.mark.generation",
		}}},
		{"another incident's meeting is audited away", []edit{{
			"audit.go", " || m.incident != r.IncidentID", "",
		}}},
		{"another ledger's meeting is audited away", []edit{{
			"audit.go", "m.ledger != ledger || ", "",
		}}},
		{"only the first page is searched", []edit{{
			"../zoom/meetings.go", "			if next == \"\" {\n				return\n			}\n			query.Set(", "			if true {\n				return\n			}\n			query.Set(",
		}}},
		{"there is no state of ending", []edit{{
			"close.go", "	return false, o.save(ctx, func(r *record) { r.State = Ending })", "	return false, nil",
		}}},
		{"the status is not read before closing", []edit{{
			"close.go", "			if err == nil && incident.Status != Resolved {\n				return e.bridge(), nil\n			}\n", "			_ = incident\n",
		}}},
		{"the status is not read before ending", []edit{{
			"close.go", "	if o.Reason == CloseResolved || o.Reason == closeRefused {", "	if o.Reason == closeRefused {",
		}}},
		{"a former link of ours is taken for a human's", []edit{{
			"policy.go", "	return slices.ContainsFunc(r.Former,", "	return slices.ContainsFunc(r.Former[:0],",
		}}},
		{"a record is deleted on release", []edit{{
			"opening.go", "	if err == nil && decided {\n		return errMoved\n	}\n",
			"	if err == nil && decided {\n		return errMoved\n	}\n	_ = o.ledger.store.Delete(ctx, o.ledger.key(o.id), o.version)\n",
		}}},
		{"nobody looks again after PagerDuty's refusal", []edit{{
			"close.go", "	if o.Reason == CloseResolved || o.Reason == closeRefused {", "	if o.Reason == CloseResolved {",
		}}},
		{"a trigger is accepted without a durable claim", []edit{{
			"open.go", "			return nil, fmt.Errorf(\"%w: %w\", outOfTime(led), ctx.Err())", "			return (&record{IncidentID: id, State: Creating, Generation: 1}).bridge(), nil",
		}}},
		{"when a trigger happened is ignored", []edit{{
			"open.go", "		if !known && req.at().Before(e.OverAt) {", "		if false {",
		}}},
		{"what a trigger carries is trusted when it is stale", []edit{{
			"open.go", " || s.now().Sub(req.OccurredAt) > carriedFor", "",
		}}},
		{"what a trigger carries is trusted for a later generation", []edit{{
			"claim.go", "(o.req.live || o.Generation == 0)", "true",
		}}},
		{"nothing is verified", []edit{{
			"verify.go", "	return r.State == Attached && !r.shows(*i.Bridge)", "	return false && !r.shows(*i.Bridge)",
		}}},
		{"an idempotency key is stored last", []edit{
			{"claim.go", "	r.addKey(o.req.IdempotencyKey, r.Generation, now)\n", ""},
			{"publish.go", "	attached := func(r *record) {\n", "	attached := func(r *record) {\n		r.addKey(o.req.IdempotencyKey, r.Generation, o.now())\n"},
		}},
		{"a created bridge is not due", []edit{{
			"duty.go", "	switch {\n	case r.Lease.Owner != \"\":\n", "	switch {\n	case r.Lease.Owner != \"\":\n		return r.Lease.Until\n	case r.State == Created:\n		return time.Time{}\n	case false:\n",
		}}},
		{"what stands is removed while it is replaced", []edit{{
			"audit.go", "	if r.Standing != nil && r.Standing.Call.MeetingID == callID {", "	if false {",
		}}},
		{"what stands is forgotten when nothing comes of replacing it", []edit{{
			"postpone.go", "	if o.Standing != nil {", "	if false {",
		}}},
		{"what stands is given up although PagerDuty refuses its successor", []edit{{
			"publish.go", "		case r.State == Created && r.Standing != nil:\n			r.standAgain(o.now())\n", "",
		}}},
		{"a redelivered Replace replaces again", []edit{{
			"replace.go", " && r.keyGeneration(req.IdempotencyKey) == 0", "",
		}}},
		{"two Replaces at once make two", []edit{{
			"replace.go", "return r.stands() && r.Generation < req.atLeast", "return r.stands() && req.atLeast > 0",
		}}},
		{"an opening goes on after the end", []edit{
			{"until.go", "	return min(flightBudget, time.Until(end)-givingBack)", "	return max(flightBudget, time.Until(end))"},
			{"../internal/detach/detach.go", "ok && end.Before(deadline)", "ok && end.IsZero()"},
		}},
		{"clocks may not differ", []edit{{
			"opening.go", "	clockMargin   = 2 * time.Second", "	clockMargin   = 0 * time.Second",
		}}},
		{"a create is sent again when its answer is lost", []edit{{
			"../zoom/client.go", "http.NewRequestWithContext(ctx, call.method, target, body)", "http.NewRequestWithContext(httpx.Idempotent(ctx, true), call.method, target, body)",
		}}},
	}
}

// mistakes are the mutations as package mutant takes them.
func mistakes() []mutant.Mistake {
	var all []mutant.Mistake
	for _, m := range mutations() {
		one := mutant.Mistake{Name: m.name}
		for _, e := range m.edits {
			one.Edits = append(one.Edits, mutant.Edit{File: e.file, From: e.from, To: e.to})
		}
		all = append(all, one)
	}
	return all
}

// TestMutations puts each mistake into the source, builds the tests with it and lets the simulation find it.
func TestMutations(t *testing.T) {
	t.Parallel()
	if testing.Short() || simtest.RaceDetector {
		t.Skip("builds the package once per mistake, without the race detector: minutes")
	}
	mutant.Find(t, mistakes(), simtest.FullRun)
}

func TestMutationsAreWrittenDown(t *testing.T) {
	t.Parallel()
	mutant.WantListed(t, "../docs/decisions.md", mistakes())
}

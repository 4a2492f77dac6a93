package bridge_test

import (
	"flag"
	"testing"

	"github.com/incidentbridge/incidentbridge/internal/mutant"
	"github.com/incidentbridge/incidentbridge/internal/simtest"
)

var plant = flag.Bool("mistakes", false, "plant each mistake and let the simulation find it")

// mistakes are those that the simulation must find. Their places are marked in the
// source.
func mistakes() []mutant.Mistake {
	return []mutant.Mistake{
		mutant.Plant("a link is published before it is decided", mutant.Before("publish-before-decide",
			"_, _ = a.svc.setBridge(ctx, a.id, Link{URL: meeting.JoinURL})")),
		mutant.Plant("a lost reply is taken for a lost race", mutant.Never("lost-reply"),
			mutant.Always("only-a-conflict"), mutant.Never("adopted-by-another")),
		mutant.Plant("a conflict deletes the meeting", mutant.Always("conflict-keeps-meeting")),
		mutant.Plant("a decision is made twice", mutant.Never("decide-once"), mutant.Never("listed-transition")),
		mutant.Plant("an undecided generation is audited", mutant.Never("audit-when-decided"),
			mutant.Never("audit-when-decided-update"), mutant.Always("audit-when-decided-task"),
			mutant.Replace("audit-is-last", "tasks = append([]dueTask{{TaskAudit, slices.MinFunc(r.AuditAt, time.Time.Compare)}}, tasks...)")),
		mutant.Plant("nothing is audited", mutant.Never("audit")),
		mutant.Plant("an audit ends a meeting that people are in", mutant.Replace("audit-leaves-started",
			"if meeting.Started { if err := p.End(ctx, meetingID); err != nil { return err } }")),
		mutant.Plant("a marker of another generation is accepted", mutant.Never("adopt-generation"),
			mutant.Never("adopt-nonce")),
		mutant.Plant("a marker of another incident is accepted", mutant.Never("adopt-incident"),
			mutant.Never("adopt-generation"), mutant.Never("adopt-nonce")),
		mutant.Plant("a marker of another ledger is accepted", mutant.Never("adopt-ledger"), mutant.Never("adopt-nonce")),
		mutant.Plant("another incident's meeting is audited away", mutant.Never("audit-incident")),
		mutant.Plant("another ledger's meeting is audited away", mutant.Never("audit-ledger")),
		mutant.Plant("only the first page is searched", mutant.Always("last-page")),
		mutant.Plant("there is no state of ending", mutant.Replace("state-ending", "return false, nil")),
		mutant.Plant("the status is not read before closing", mutant.Never("status-before-closing")),
		mutant.Plant("the status is not read before ending", mutant.Never("status-before-ending")),
		mutant.Plant("a former link of ours is taken for a human's", mutant.Zero("former-links")),
		mutant.Plant("a record is deleted on release", mutant.After("keep-record",
			"if r.State == StateClosed && r.Decision == nil { _ = s.store.Delete(ctx, s.key(r.IncidentID), version) }")),
		mutant.Plant("the incident is not read again after PagerDuty's rejection", mutant.Never("check-after-rejection")),
		mutant.Plant("a trigger is accepted without a durable claim", mutant.Replace("durable-claim",
			"return &Bridge{IncidentID: id, State: StateCreating, Generation: 1}, nil")),
		mutant.Plant("when a trigger happened is ignored", mutant.Never("trigger-time")),
		mutant.Plant("what a trigger carries is trusted when it is stale", mutant.Never("carried-age")),
		mutant.Plant("what a trigger carries is trusted for a later generation", mutant.Always("carried-first-generation")),
		mutant.Plant("nothing is verified", mutant.Never("verify")),
		mutant.Plant("an idempotency key is stored last", mutant.Drop("key-with-claim"), mutant.Before("key-with-attach",
			"r.AddKey(a.req.IdempotencyKey, r.Generation, a.svc.cfg.now())")),
		mutant.Plant("a created bridge is not due", mutant.After("created-is-due",
			`if r.Lease.Owner == "" && r.State == StateCreated { return time.Time{} }`)),
		mutant.Plant("the previous bridge is removed while it is replaced", mutant.Never("audit-previous")),
		mutant.Plant("the previous bridge is forgotten when a Replace comes to nothing", mutant.Never("restore-previous")),
		mutant.Plant("the previous bridge is given up although PagerDuty rejects its successor", mutant.Never("revert-to-previous")),
		mutant.Plant("a redelivered Replace replaces again", mutant.Always("replace-redelivered")),
		mutant.Plant("two Replaces at once make two", mutant.Expr("replace-once", "req.minGeneration > 0")),
		mutant.Plant("an opening continues after the hard deadline", mutant.Expr("hard-deadline", "max(budget, time.Until(end))"),
			mutant.Never("detached-end")),
		mutant.Plant("clocks may not differ", mutant.Zero("clock-margin")),
		mutant.Plant("a create is sent again when its answer is lost", mutant.Before("create-once",
			"ctx = httpx.Idempotent(ctx, true)")),
	}
}

// TestMutations plants each mistake, builds the tests with it and lets the simulation
// find it.
func TestMutations(t *testing.T) {
	t.Parallel()
	if !*plant || simtest.RaceDetector {
		t.Skip("builds the package once per mistake: run it with -mistakes and without -race")
	}
	mutant.Find(t, mistakes(), simtest.FullRun)
}

func TestMutationsAreWrittenDown(t *testing.T) {
	t.Parallel()
	mutant.WantListed(t, "../docs/decisions.md", mistakes())
}

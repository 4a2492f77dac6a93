package install_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/internal/simtest"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

const (
	recordKey         = "installation/default"
	zoomGrantKey      = "grant/default/zoom"
	pagerDutyGrantKey = "grant/default/pagerduty"
)

// recorder is what is known of a run by somebody who sees everything. The promises are
// checked against it.
type recorder struct {
	sim   *simtest.Sim
	store tokenstore.Store
	pd    *pagerdutytest.Server

	removals []*removal

	mu       sync.Mutex        // for what goroutines of the processes touch
	installs map[string]*actor // by the id of the installation that they want to be
	ended    simtest.Moment    // when the app was last installed no more; never: it is, or never was
	last     string            // the id of the newest lock
}

func newRecorder(sim *simtest.Sim) *recorder {
	return &recorder{
		sim: sim, store: tokenstore.NewMemory(), pd: pagerdutytest.New(),
		installs: map[string]*actor{}, ended: sim.Now(),
	}
}

// What must have happened in some run.
const (
	replaced         = "an installation replaces another"
	removedMeanwhile = "the app is removed while it is installed"
	uninstallsLate   = "a report of a removal comes when the app is installed anew"
	rolledBack       = "an install is rolled back"
	tookOverLock     = "the lock of an install that crashed is taken over"
	cancelled        = "an install is cancelled by an uninstall"
	deletedGrant     = "a grant of an install that failed, or was uninstalled, is deleted"
)

// happened checks the promises about an event, and then keeps what is to be known of it.
// Any goroutine may call it.
func (r *recorder) happened(e event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	simtest.Check(r.sim, promises, r, e)
	e.keep(r)
}

// met notes that something has happened that some run must have.
func (r *recorder) met(event string) { r.sim.Met("", event) }

// read is a record as it is now.
func (r *recorder) read(key string) recordView {
	stored, err := r.store.Get(r.sim.T.Context(), key)
	if err != nil && !errors.Is(err, tokenstore.ErrNotFound) {
		panic(err)
	}
	return viewRecord(stored)
}

// grants are those of both vendors as they are now, by vendor.
func (r *recorder) grants() map[string]recordView {
	return map[string]recordView{"zoom": r.read(zoomGrantKey), "pagerduty": r.read(pagerDutyGrantKey)}
}

// isWhole reports whether the app is installed with both of its grants.
func (r *recorder) isWhole() bool {
	now := r.read(recordKey)
	return now.State == "installed" && r.hasGrants(now.ID)
}

func (r *recorder) hasGrants(id string) bool {
	for _, g := range r.grants() {
		if !g.hasToken() || g.Installation != id {
			return false
		}
	}
	return true
}

// recordView is the installation's record, or a grant, as it is in the store.
type recordView struct {
	State  string `json:"state"`
	ID     string `json:"id"`
	Format int    `json:"format"`
	Lock   *struct {
		ID        string    `json:"id"`
		Until     time.Time `json:"until"`
		Cancelled bool      `json:"cancelled"`
	} `json:"lock"`
	RevokeIDs []string `json:"revoke_ids"`
	Setup     struct {
		SubscriptionID string            `json:"subscription_id"`
		Secret         string            `json:"webhook_secret"`
		ActionToken    string            `json:"action_token"`
		Actions        map[string]string `json:"actions"`
	} `json:"setup"`

	Installation string `json:"installation"` // of a grant
	Uninstalled  bool   `json:"uninstalled"`
	AccessToken  string `json:"access_token"`

	text string
}

func viewRecord(r tokenstore.Record) recordView {
	v := recordView{text: string(r.Value)}
	_ = json.Unmarshal(r.Value, &v) // of what is not there nothing is known
	return v
}

func (v recordView) isGrant() bool  { return v.Installation != "" }
func (v recordView) hasToken() bool { return v.AccessToken != "" }

// lockID is the id of the install in progress; "" is none.
func (v recordView) lockID() string {
	if v.Lock == nil {
		return ""
	}
	return v.Lock.ID
}

// String is the record in the trace. It names no id, which is random.
func (v recordView) String() string {
	switch {
	case v.isGrant() && v.Uninstalled:
		return "a tombstone"
	case v.isGrant():
		return "a grant"
	case v.text == "":
		return "nothing"
	}
	words := []string{"a record"}
	if v.State != "" {
		words = append(words, v.State)
	}
	if v.Lock != nil {
		words = append(words, "locked")
	}
	if v.Lock != nil && v.Lock.Cancelled {
		words = append(words, "and cancelled")
	}
	if n := len(v.RevokeIDs); n > 0 {
		words = append(words, fmt.Sprintf("%d to revoke", n))
	}
	return strings.Join(words, " ")
}

// event is something that happened in a run. Its keep changes what the recorder knows,
// after the promises were checked.
type event interface{ keep(r *recorder) }

// The steps of writes.
const (
	writesLock         = "store put lock"
	writesInstalled    = "store put installed"
	writesUninstalling = "store put uninstalling"
	writesSetup        = "store put set-up"
	writesRecord       = "store put record"
	writesConsent      = "store put grant"
	writesTombstone    = "store put tombstone"
)

// written is a record that was written.
type written struct {
	by      *actor
	was, is recordView
}

func (e written) isRecord() bool    { return !e.is.isGrant() }
func (e written) isTombstone() bool { return e.is.Uninstalled }
func (e written) isConsent() bool   { return e.is.hasToken() && e.by.consent != nil }

// locks reports whether an install takes the lock.
func (e written) locks() bool {
	return e.isRecord() && e.is.Lock != nil && e.was.lockID() != e.is.lockID()
}

// installs reports whether the app becomes installed, or another installation replaces
// it.
func (e written) installs() bool {
	return e.isRecord() && e.is.State == "installed" && (e.was.State != "installed" || e.was.ID != e.is.ID)
}

// uninstalls is the point of no return of an uninstall.
func (e written) uninstalls() bool {
	return e.isRecord() && e.is.State == "uninstalling" && e.was.State != "uninstalling"
}

func (e written) step() string {
	switch {
	case e.isTombstone():
		return writesTombstone
	case e.is.isGrant():
		return writesConsent
	case e.locks():
		return writesLock
	case e.installs():
		return writesInstalled
	case e.uninstalls():
		return writesUninstalling
	case e.is.State == "installed" && e.was.text != "" && e.is.lockID() == e.was.lockID():
		return writesSetup
	default:
		return writesRecord
	}
}

func (e written) keep(r *recorder) {
	switch {
	case e.isTombstone() && e.was.hasToken() && slices.Contains(r.read(recordKey).RevokeIDs, e.is.Installation):
		r.met(deletedGrant)
	case e.locks():
		r.installs[e.is.Lock.ID], r.last, e.by.lock = e.by, e.is.Lock.ID, e.is.Lock.ID
		if e.was.Lock != nil {
			r.met(tookOverLock)
		}
	case e.installs():
		r.ended, r.installs[e.is.ID].stored = simtest.Moment{}, true
		if e.was.State == "installed" {
			r.met(replaced)
		}
	case e.uninstalls():
		r.ended = r.sim.Now()
		if e.was.Lock != nil {
			r.met(cancelled)
		}
	case e.isRecord() && e.was.Lock != nil && e.is.Lock == nil && !e.is.isGrant():
		r.met(rolledBack)
	}
}

// sent is a record that leaves a process. It may be written later, or never.
type sent struct{ written }

func (sent) keep(*recorder) {}

// told is what somebody was told.
type told struct{ by *actor }

func (e told) keep(r *recorder) {
	if e.by.removal != nil && e.by.err == nil && r.read(recordKey).State == "installed" {
		r.met(uninstallsLate)
	}
	if e.by.consent != nil && errors.Is(e.by.err, install.ErrNotInstalled) {
		r.met(removedMeanwhile)
	}
}

// revoked is a token that Zoom has revoked for somebody who gives a consent up.
type revoked struct{ by *actor }

func (revoked) keep(*recorder) {}

// maintained is the end of a run: nothing fails any more, every removal was accepted, and
// the installation was maintained for some minutes.
type maintained struct{}

func (maintained) keep(*recorder) {}

// setUpAgain is what follows if the app is installed: it was set up once more.
type setUpAgain struct{}

func (setUpAgain) keep(*recorder) {}

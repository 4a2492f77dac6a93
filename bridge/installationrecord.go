package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge/internal/ledger"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// installationFormat is the newest format of the record that this program reads and writes.
const installationFormat = 1

// installationState is where an installation stands. The zero value: nobody has installed yet.
type installationState string

const (
	installed   installationState = "installed"
	leaving     installationState = "leaving" // the app was removed; tokens may be left
	uninstalled installationState = "uninstalled"
)

// tombstoneLife outlives every late message about an installation.
const tombstoneLife = 90 * 24 * time.Hour

// installation is the record at installation/<id>. Its JSON is what stores hold; it has secrets, so it is never printed.
type installation struct {
	Format    int               `json:"format"`
	Stamp     string            `json:"stamp"` // random, one per write: tells a lost reply from a lost race
	State     installationState `json:"state,omitempty"`
	ID        string            `json:"id,omitempty"` // random, one per consent; the grants carry it too
	At        time.Time         `json:"at,omitzero"`
	Zoom      *Account          `json:"zoom,omitempty"`
	PagerDuty *Account          `json:"pagerduty,omitempty"`
	SetUp     setUp             `json:"set_up,omitzero"`
	Claim     *claim            `json:"claim,omitempty"`  // an install that is under way
	Gone      []string          `json:"gone,omitempty"`   // ids whose grants are to go
	GoneBy    time.Time         `json:"gone_by,omitzero"` // until then one of them may still be written
	RetryAt   time.Time         `json:"retry_at,omitzero"`
	Removals  removals          `json:"removals,omitempty"` // never changed in place
}

// claim keeps two installs from mixing their grants: one at a time writes them.
type claim struct {
	ID    string    `json:"id"`
	At    time.Time `json:"at"` // of the consent
	Until time.Time `json:"until"`
}

func (c *claim) stands(now time.Time) bool { return c != nil && now.Before(c.Until) }

// setUp is what an install made at PagerDuty.
type setUp struct {
	Subscription string            `json:"subscription,omitempty"`
	Secret       string            `json:"secret,omitempty"` // signs the subscription's events
	PingedAt     time.Time         `json:"pinged_at,omitzero"`
	ReachedAt    time.Time         `json:"reached_at,omitzero"`
	ActionToken  string            `json:"action_token,omitempty"` // the bearer token that the actions send
	Actions      map[string]string `json:"actions,omitempty"`      // service id -> extension id
	Problems     []string          `json:"problems,omitempty"`
	Missed       []string          `json:"missed,omitempty"` // service ids
}

func (r *installation) clone() installation {
	c := *r
	c.Gone = slices.Clone(r.Gone)
	c.SetUp.Actions = maps.Clone(r.SetUp.Actions)
	return c
}

func (r *installation) installed() *Installed {
	return &Installed{
		ID: r.ID, At: r.At, Zoom: r.Zoom, PagerDuty: r.PagerDuty,
		SetUp: SetUp{
			Subscription: r.SetUp.Subscription, PingedAt: r.SetUp.PingedAt, ReachedAt: r.SetUp.ReachedAt,
			Services: slices.Sorted(maps.Keys(r.SetUp.Actions)), Missed: slices.Clone(r.SetUp.Missed),
			Problems: slices.Clone(r.SetUp.Problems),
		},
	}
}

// dueAt is when somebody should go on with what stopped half-way.
func (r *installation) dueAt() time.Time {
	if r.State == leaving {
		return r.RetryAt
	}
	if r.Claim != nil {
		return r.Claim.Until
	}
	return time.Time{}
}

func (r *installation) expiresAt(now time.Time) time.Time {
	switch {
	case r.Claim != nil:
		return time.Time{}
	case r.State == uninstalled:
		return now.Add(tombstoneLife)
	case r.State == "":
		return now.Add(removalLife) // nothing but removals is in it
	}
	return time.Time{}
}

// errLost reports a record that cannot be opened or made out, and is no newer program's.
var errLost = errors.New("bridge: the record of the installation is damaged or sealed with another key")

// read returns the record and its version, a zero record and "" when there is none. With errLost the version is that of
// the record which a new consent may replace.
func (i *Installation) read(ctx context.Context) (installation, string, error) {
	stored, err := i.store.Get(ctx, i.key)
	switch {
	case errors.Is(err, tokenstore.ErrNotFound):
		return installation{}, "", nil
	case errors.Is(err, tokenstore.ErrUnreadable) && stored.Version != "":
		return installation{}, stored.Version, fmt.Errorf("%w: %w", ErrUnavailable, errLost)
	case err != nil:
		return installation{}, "", fmt.Errorf("%w: the installation cannot be read: %w", ErrUnavailable, err)
	}
	var r installation
	// A JSON error may quote the value, so none is wrapped.
	if json.Unmarshal(stored.Value, &r) != nil || r.Format < 1 {
		return installation{}, stored.Version, fmt.Errorf("%w: %w", ErrUnavailable, errLost)
	}
	if r.Format > installationFormat {
		return installation{}, "", fmt.Errorf(
			"%w: the record of the installation has format %d and this program knows %d: run the newer program",
			ErrUnavailable, r.Format, installationFormat)
	}
	return r, stored.Version, nil
}

// update changes the record until the change is in, or change refuses it. What is lost counts as nothing if over says so.
func (i *Installation) update(ctx context.Context, over bool, change func(*installation) error) (installation, error) {
	for {
		now, version, err := i.read(ctx)
		if err != nil && (!over || !errors.Is(err, errLost)) {
			return installation{}, err
		}
		next := now.clone()
		if err := change(&next); errors.Is(err, errUnchanged) {
			return now, nil
		} else if err != nil {
			return now, err
		}
		moved, err := i.write(ctx, &next, version)
		if err != nil || !moved {
			return next, err
		}
		if err := ctx.Err(); err != nil {
			return now, err
		}
	}
}

// write puts next where version is; moved: somebody else wrote first.
func (i *Installation) write(ctx context.Context, next *installation, version string) (moved bool, err error) {
	next.Format, next.Stamp = installationFormat, ledger.NewNonce()
	value, err := json.Marshal(next)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	_, putErr := i.store.Put(ctx, i.key, tokenstore.Record{
		Value: value, Version: version, DueAt: next.dueAt(), ExpiresAt: next.expiresAt(time.Now()),
	})
	if putErr == nil {
		return false, nil
	}
	stands, _, err := i.read(ctx)
	if err == nil && stands.Stamp == next.Stamp {
		return false, nil
	}
	if errors.Is(putErr, tokenstore.ErrConflict) {
		return true, nil
	}
	return false, fmt.Errorf("%w: the installation cannot be written: %w", ErrUnavailable, putErr)
}

// errUnchanged is what a change says that has nothing to change.
var errUnchanged = errors.New("bridge: nothing to change")

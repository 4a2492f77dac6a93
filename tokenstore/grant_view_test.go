package tokenstore_test

import (
	"encoding/json"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// grantView is the record of a grant as the simulation reads it. It alone knows the names
// of the JSON.
type grantView struct {
	Installation string     `json:"installation"`
	AccessToken  string     `json:"access_token"`
	RefreshToken string     `json:"refresh_token"`
	Lease        *leaseView `json:"lease"`
	Rejected     *struct{}  `json:"rejected"`
	Uninstalled  bool       `json:"uninstalled"`

	text string
}

type leaseView struct {
	Owner string    `json:"owner"`
	Until time.Time `json:"until"`
}

func viewGrant(r tokenstore.Record) grantView {
	var v grantView
	if len(r.Value) > 0 && json.Unmarshal(r.Value, &v) != nil {
		panic("the record is no grant")
	}
	v.text = string(r.Value)
	return v
}

func (v grantView) isGone() bool { return v.Uninstalled || v.Installation == "" }

func (v grantView) isRejected() bool { return v.Rejected != nil }

// isLeased reports whether somebody's lease is not over.
func (v grantView) isLeased() bool { return v.Lease != nil && time.Now().Before(v.Lease.Until) }

package nethttp

import (
	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
)

// requesterFrom is the user who caused a trigger. Services, integrations and workflows cause triggers too; they are
// nobody whose rights could be looked at.
func requesterFrom(agent *pagerduty.Reference) bridge.Requester {
	if agent == nil || agent.Type != "user_reference" && agent.Type != "user" {
		return bridge.Requester{}
	}
	return bridge.Requester{ID: agent.ID}
}

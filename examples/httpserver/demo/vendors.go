package demo

import (
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// Who there is: Ada clicks and has a Zoom account; the host is there for those who have none.
const (
	adaEmail  = "ada@example.com"
	hostEmail = "host@example.com"
)

// vendors is the world outside: a fake Zoom and a fake PagerDuty.
type vendors struct {
	zoom      *zoomtest.Server
	pagerDuty *pagerdutytest.Server
	ada       string // her PagerDuty user id
}

// newVendors lets the fake Zoom's links lead to a page of ours, so that no link of the demo leaves it.
func newVendors(publicURL string) *vendors {
	v := &vendors{
		zoom:      zoomtest.New(zoomtest.WithJoinURL(publicURL+"/demo/call"), zoomtest.WithUsers(adaEmail, hostEmail)),
		pagerDuty: pagerdutytest.New(),
	}
	v.ada = v.pagerDuty.AddUser(adaEmail, func(u *pagerdutytest.User) { u.Name = "Ada Lovelace" })
	return v
}

func (v *vendors) zoomClient(in *process) (*zoom.Client, error) {
	credentials := zoom.ServerToServer(v.zoom.AccountCredentials())
	return zoom.NewClient(credentials, zoom.WithTransport(in.transport(v.zoom.Transport())))
}

func (v *vendors) pagerDutyClient(in *process) (*pagerduty.Client, error) {
	key := pagerduty.APIKey(v.pagerDuty.Key(), v.pagerDuty.From())
	return pagerduty.NewClient(key, pagerduty.WithTransport(in.transport(v.pagerDuty.Transport())))
}

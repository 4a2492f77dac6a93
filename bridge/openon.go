package bridge

import (
	"errors"
	"slices"
	"strings"
)

// OpenOn says which webhook events open a bridge by themselves. A list names ids or names; "*" is any.
type OpenOn struct {
	Events     []string // V3 event types; none: no event opens
	Workflows  []string // for incident.workflow.started; required with it
	Priorities []string // none: any
	Urgencies  []string // none: any
	Services   []string // none: any
}

// WorkflowStarted is the event type of a workflow that began to run.
const WorkflowStarted = "incident.workflow.started"

func (o OpenOn) validate() error {
	if slices.Contains(o.Events, WorkflowStarted) && len(o.Workflows) == 0 {
		return errors.New(WorkflowStarted + " needs the workflows it is meant for")
	}
	return nil
}

// admits says whether the trigger, by itself, may open: a trigger without an event always may.
func (o OpenOn) admits(t Trigger) bool {
	if t.Event == "" {
		return true
	}
	if !slices.Contains(o.Events, t.Event) {
		return false
	}
	return t.Event != WorkflowStarted || listed(o.Workflows, Named{ID: t.WorkflowID, Name: t.WorkflowName})
}

// filters says whether admitsIncident needs to see the incident.
func (o OpenOn) filters(t Trigger) bool {
	return t.Event != "" && len(o.Priorities)+len(o.Urgencies)+len(o.Services) > 0
}

// admitsIncident says whether an event on this incident may open.
func (o OpenOn) admitsIncident(t Trigger, i *Incident) bool {
	if !o.filters(t) {
		return true
	}
	return (len(o.Priorities) == 0 || listed(o.Priorities, i.Priority)) &&
		(len(o.Urgencies) == 0 || listed(o.Urgencies, Named{Name: i.Urgency})) &&
		(len(o.Services) == 0 || listed(o.Services, i.Service))
}

func listed(list []string, n Named) bool {
	return slices.ContainsFunc(list, func(s string) bool {
		return s == "*" || n.ID != "" && s == n.ID || n.Name != "" && strings.EqualFold(s, n.Name)
	})
}

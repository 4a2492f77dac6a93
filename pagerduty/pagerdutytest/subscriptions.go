package pagerdutytest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// Subscription is the state of a webhook subscription or, with a Name, of a custom
// incident action.
type Subscription struct {
	ID          string
	Name        string // of a custom incident action
	URL         string
	Events      []string
	FilterType  string
	FilterID    string
	Services    []string // of a custom incident action
	Description string
	Headers     http.Header
	Secret      string // signs events; "" for a custom incident action
	Active      bool
	Disabled    bool // for 24 hours, after three drops in a row
}

// Subscriptions returns the webhook subscriptions, oldest first.
func (s *Server) Subscriptions() []Subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	return states(s.subscriptions)
}

// receiver is where events are sent: its state and its queue.
type receiver struct {
	Subscription
	outbox
}

func states(receivers []*receiver) []Subscription {
	var found []Subscription
	for _, r := range receivers {
		state := r.Subscription
		state.Headers = r.Headers.Clone()
		found = append(found, state)
	}
	return found
}

// subscriptionWrite is what POST and PUT read; other fields are ignored.
type subscriptionWrite struct {
	Subscription struct {
		Type     string `json:"type"`
		Delivery *struct {
			Type    string       `json:"type"`
			URL     string       `json:"url"`
			Headers []headerJSON `json:"custom_headers"`
		} `json:"delivery_method"`
		Events []string `json:"events"`
		Filter *struct {
			Type string `json:"type"`
			ID   string `json:"id"`
		} `json:"filter"`
		Description *string `json:"description"`
		Active      *bool   `json:"active"`
	} `json:"webhook_subscription"`
}

type headerJSON struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func headerOf(list []headerJSON) http.Header {
	header := http.Header{}
	for _, one := range list {
		header.Set(one.Name, one.Value)
	}
	return header
}

func (s *Server) createSubscription(in *exchange) answer {
	var write subscriptionWrite
	if json.Unmarshal(in.body, &write) != nil {
		return invalidInput("The subscription is invalid")
	}
	sent := write.Subscription
	switch {
	case sent.Type != "webhook_subscription":
		return invalidInput("Type is invalid")
	case sent.Delivery == nil || sent.Delivery.Type != "http_delivery_method" || !linkOrEmpty(sent.Delivery.URL) ||
		sent.Delivery.URL == "":
		return invalidInput("Delivery method is invalid")
	case len(sent.Events) == 0:
		return invalidInput("Events cannot be empty")
	case sent.Filter == nil || !strings.HasSuffix(sent.Filter.Type, "_reference"):
		return invalidInput("Filter is invalid")
	case (sent.Filter.Type == "account_reference") != (sent.Filter.ID == ""):
		return invalidInput("Filter id is invalid")
	}
	r := &receiver{Subscription: Subscription{
		ID: s.mint("PWEBHOOK"), URL: sent.Delivery.URL, Events: sent.Events,
		FilterType: sent.Filter.Type, FilterID: sent.Filter.ID,
		Headers: headerOf(sent.Delivery.Headers), Secret: s.secretOf(len(s.subscriptions)), Active: true,
	}}
	if sent.Description != nil {
		r.Description = *sent.Description
	}
	s.subscriptions = append(s.subscriptions, r)
	shown := restSubscription(r)
	delivery, _ := shown["delivery_method"].(map[string]any)
	delivery["secret"] = r.Secret                               // only in this answer
	return reply(map[string]any{"webhook_subscription": shown}) // 200, not 201
}

// secretOf returns the fake's secret for the first subscription, and another for each
// further one.
func (s *Server) secretOf(before int) string {
	if before == 0 {
		return s.secret
	}
	return s.mint(s.secret)
}

func (s *Server) listSubscriptions(in *exchange) answer {
	shown := []any{}
	for _, r := range s.subscriptions {
		shown = append(shown, restSubscription(r))
	}
	return list(in, "webhook_subscriptions", shown)
}

func (s *Server) getSubscription(in *exchange) answer {
	return s.onSubscription(in, func(*receiver) answer { return answer{} })
}

// updateSubscription does not change the delivery method, even when one is sent.
func (s *Server) updateSubscription(in *exchange) answer {
	var write subscriptionWrite
	if json.Unmarshal(in.body, &write) != nil {
		return invalidInput("The subscription is invalid")
	}
	return s.onSubscription(in, func(r *receiver) answer {
		sent := write.Subscription
		if sent.Events != nil {
			r.Events = sent.Events
		}
		if sent.Filter != nil {
			r.FilterType, r.FilterID = sent.Filter.Type, sent.Filter.ID
		}
		if sent.Description != nil {
			r.Description = *sent.Description
		}
		if sent.Active != nil {
			r.Active = *sent.Active
		}
		return answer{}
	})
}

func (s *Server) enableSubscription(in *exchange) answer {
	return s.onSubscription(in, func(r *receiver) answer {
		r.enable()
		return answer{}
	})
}

func (s *Server) pingSubscription(in *exchange) answer {
	return s.onSubscription(in, func(r *receiver) answer {
		r.queue("", s.event(Event{Type: "pagey.ping", AgentID: idOf(in.writer)}, r))
		return answer{status: http.StatusAccepted}
	})
}

func (s *Server) deleteSubscription(in *exchange) answer {
	return s.onSubscription(in, func(r *receiver) answer {
		s.subscriptions = slices.DeleteFunc(s.subscriptions, func(one *receiver) bool { return one == r })
		return answer{status: http.StatusNoContent}
	})
}

// onSubscription runs the work on the subscription of the path, and answers with it
// unless the work has an answer.
func (s *Server) onSubscription(in *exchange, do func(*receiver) answer) answer {
	found := find(s.subscriptions, func(r *receiver) bool { return r.ID == in.PathValue("id") })
	if found == nil {
		return refuse(404, 2100, "Not Found")
	}
	if out := do(found); out.status != 0 {
		return out
	}
	return reply(map[string]any{"webhook_subscription": restSubscription(found)})
}

func restSubscription(r *receiver) map[string]any {
	headers := []any{}
	for name := range r.Headers {
		headers = append(headers, map[string]any{"name": name, "value": "<redacted>"})
	}
	filter := map[string]any{"type": r.FilterType}
	if r.FilterID != "" {
		filter["id"] = r.FilterID
	}
	return map[string]any{
		"id": r.ID, "type": "webhook_subscription", "active": r.Active, "description": r.Description,
		"events": r.Events, "filter": filter,
		"delivery_method": map[string]any{
			"id": "PDELIVERY" + r.ID, "type": "http_delivery_method", "url": r.URL, "secret": nil,
			"temporarily_disabled": r.Disabled, "custom_headers": headers,
		},
	}
}

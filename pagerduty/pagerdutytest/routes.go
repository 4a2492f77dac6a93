package pagerdutytest

import "slices"

// route is one operation of the API.
type route struct {
	pattern, op string
	needs       needs
	do          work
}

func (s *Server) routes() []route {
	writing := func(scope string) needs { return needs{scope: scope, from: true} }
	scope := func(scope string) needs { return needs{scope: scope} }
	const subscriptions, extensions = "webhook_subscriptions.", "extensions."
	return []route{
		{"GET /incidents/{id}", GetIncident, scope("incidents.read"), s.getIncident},
		{"PUT /incidents/{id}", UpdateIncident, writing("incidents.write"), s.updateIncident},
		{"GET /incidents/{id}/notes", ListNotes, scope("incidents.read"), s.listNotes},
		{"POST /incidents/{id}/notes", AddNote, writing("incidents.write"), s.addNote},

		{"GET /users/me", GetSelf, scope(""), s.getSelf},
		{"GET /users/{id}", GetUser, scope("users.read"), s.getUser},
		{"GET /users", ListUsers, scope("users.read"), s.listUsers},
		{"GET /teams/{id}/members", ListMembers, scope("teams.read"), s.listMembers},
		{"GET /abilities", ListAbilities, scope("abilities.read"), s.listAbilities},
		{"GET /abilities/{id}", GetAbility, scope("abilities.read"), s.getAbility},

		{"GET /webhook_subscriptions", ListSubscriptions, scope(subscriptions + "read"), s.listSubscriptions},
		{"POST /webhook_subscriptions", CreateSubscription, scope(subscriptions + "write"), s.createSubscription},
		{"GET /webhook_subscriptions/{id}", GetSubscription, scope(subscriptions + "read"), s.getSubscription},
		{"PUT /webhook_subscriptions/{id}", UpdateSubscription, scope(subscriptions + "write"), s.updateSubscription},
		{"DELETE /webhook_subscriptions/{id}", DeleteSubscription, scope(subscriptions + "write"), s.deleteSubscription},
		{"POST /webhook_subscriptions/{id}/enable", EnableSubscription, scope(subscriptions + "write"), s.enableSubscription},
		{"POST /webhook_subscriptions/{id}/ping", PingSubscription, scope(subscriptions + "write"), s.pingSubscription},

		{"GET /extension_schemas", ListExtensionSchemas, scope("extension_schemas.read"), s.listExtensionSchemas},
		{"GET /extensions", ListExtensions, scope(extensions + "read"), s.listExtensions},
		{"POST /extensions", CreateExtension, scope(extensions + "write"), s.createExtension},
		{"POST /extensions/{id}/enable", EnableExtension, scope(extensions + "write"), s.enableExtension},
		{"DELETE /extensions/{id}", DeleteExtension, scope(extensions + "write"), s.deleteExtension},
	}
}

func (s *Server) route() {
	for _, r := range s.routes() {
		s.handle(r.pattern, r.op, r.needs, r.do)
	}
	s.handle("/", "", needs{}, func(*exchange) answer { return refuse(404, 2100, "Not Found") })
	s.handleOpen("GET /oauth/authorize", Authorize, s.authorize)
	s.handleOpen("POST /oauth/authorize", Authorize, s.authorize)
	s.handleOpen("POST /oauth/token", GiveToken, s.giveToken)
}

// scopes returns all scopes of the operations.
func scopes() []string {
	var all []string
	for _, r := range (&Server{}).routes() {
		if r.needs.scope != "" && !slices.Contains(all, r.needs.scope) {
			all = append(all, r.needs.scope)
		}
	}
	return all
}

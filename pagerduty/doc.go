// Package pagerduty is a client for the part of PagerDuty's API that a conference bridge
// needs: incidents with their conference bridge, notes and users, and the webhooks and
// actions that PagerDuty sends.
//
// # Quick start
//
//	client, err := pagerduty.NewClient(pagerduty.APIKey(key, "oncall@example.com"))
//	incident, err := client.Incident(ctx, "PABC123")
//	_, err = client.SetConferenceBridge(ctx, incident.ID, pagerduty.ConferenceBridge{
//		URL:    "https://example.zoom.us/j/98765432101",
//		Number: "+1 415-555-0100,,98765432101#",
//	})
//
// [APIKey] is one way to authenticate. [AppToken] is for an app of the account,
// [UserToken] for the token of a person who agreed to an app.
//
// Requests travel through github.com/PagerDuty/go-pagerduty's Client.Do, over an HTTP
// stack of this module that adds what that client lacks: time limits, retries that
// respect idempotency, rate limits, bounded answers and errors that keep their cause.
// None of its types is part of this package's surface. A program that uses both packages
// names one of them:
//
//	import (
//		gopagerduty "github.com/PagerDuty/go-pagerduty"
//		"github.com/incidentbridge/incidentbridge/pagerduty"
//	)
//
// # Consent and login
//
// [OAuth] is an app that acts for the people who agree to it, or lets them log in. Send
// the browser to [OAuth.AuthCodeURL], exchange the code that it comes back with for
// tokens, and keep those of an installation in a durable store:
//
//	app, err := pagerduty.NewOAuth(clientID, clientSecret, "https://bridge.example.com/oauth/pagerduty/callback")
//	verifier := oauth2.GenerateVerifier()                       // kept, with a random state, for the callback
//	http.Redirect(w, r, app.AuthCodeURL(state, verifier), http.StatusSeeOther)
//	...
//	token, err := app.Exchange(ctx, r.FormValue("code"), verifier)
//	err = pagerduty.CheckScopes(token, pagerduty.RunScopes()...) // names what was left out
//	client, err := pagerduty.NewClient(pagerduty.UserToken(pagerduty.StaticToken(token)))
//	user, err := client.CurrentUser(ctx)                        // who installs: user.IsAdmin()
//	...
//	source, err := tokenstore.NewTokenSource(store, "grant/acme/pagerduty", app.Refresh,
//		tokenstore.WithReuseDetection(30*time.Second))
//	err = source.Save(ctx, installation, token)
//	client, err = pagerduty.NewClient(pagerduty.UserToken(source)) // from now on
//
// A login needs no more than the scope "openid", and keeps no token:
//
//	login, err := pagerduty.NewOAuth(clientID, clientSecret, callback, pagerduty.WithScopes("openid"))
//	...
//	identity, err := pagerduty.IdentityOf(token)
//	user, err := client.User(ctx, identity.UserID)              // with the role in our account; else ErrNotFound
//
// # Errors
//
// Every method returns an [*Error] with what was tried, on which incident, and what
// PagerDuty answered. Tell errors apart with errors.Is and the sentinels, such as
// [ErrNotFound] or [ErrRateLimited]. A write that may have happened although no usable
// answer came is [ErrInDoubt]: read the incident before repeating it. Errors of the
// context are found by errors.Is too. No error contains a key, a link or a number.
//
// PagerDuty ignores what it does not understand, and grants fewer scopes than requested,
// without an error: [Client.ClearConferenceBridge] reads back what it wrote,
// [CheckScopes] and [Client.MissingScopes] compare.
//
// # Set-up
//
// [Client.CreateWebhookSubscription] subscribes to PagerDuty's events and returns the
// secret that signs them, this one time. [Client.CreateExtension] puts a button on
// incidents, a custom incident action. PagerDuty disables either for a day when three
// deliveries in a row fail: see their Disabled, and enable them again.
//
// # Webhooks
//
// Verify first, over the very bytes that came, then parse:
//
//	verifier, err := pagerduty.NewVerifier([]string{secret})
//	err = verifier.Verify(request.Header, body)
//	event, err := pagerduty.ParseEvent(body)
//
// PagerDuty's signature has no time, so a replay window is impossible: keep the ids that
// were handled for at least 48 hours. Custom incident actions ([ParseCustomAction]) and
// workflow bodies ([ParseWorkflow]) are not signed; authenticate them by a header of your
// own.
//
// # Concurrency
//
// A [Client] and a [Verifier] are safe for concurrent use and need not be closed. Only
// the request for an app's token runs in a goroutine, for 20 seconds at most, since all
// callers that need the token share it.
//
// # Tests
//
// Package pagerdutytest is a fake PagerDuty for the tests of anyone who builds on this
// package.
package pagerduty

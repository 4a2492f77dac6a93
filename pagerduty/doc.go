// Package pagerduty reads and writes what an incident's call needs of PagerDuty: the incident with its conference
// bridge, notes and users, and the webhooks and actions that PagerDuty sends.
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
// [APIKey] is one way to authenticate; [AppToken] is that of an app of the account, and [UserToken] that of a person who
// agreed to one.
//
// Requests travel through github.com/PagerDuty/go-pagerduty's Client.Do, over an HTTP stack of this module that adds
// what that client lacks: time limits, retries that respect idempotency, rate limits, bounded answers and errors that
// keep their cause. None of its types is part of this package's surface. A program that uses both packages names one
// of them:
//
//	import (
//		gopagerduty "github.com/PagerDuty/go-pagerduty"
//		"github.com/incidentbridge/incidentbridge/pagerduty"
//	)
//
// # Consent and login
//
// [OAuth] is an app that people agree to, to be acted for or just to log in. Send the browser to [OAuth.AuthCodeURL], turn
// what it comes back with into tokens, and keep those of an installation in a store that outlives the process:
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
//	user, err := client.User(ctx, identity.UserID)              // of our account, and with which role; else ErrNotFound
//
// # Errors
//
// Every method answers failures with an [*Error]: what was tried, on which incident, and what PagerDuty said. Tell
// them apart with errors.Is and the sentinels, [ErrNotFound] or [ErrRateLimited] for instance. A write that may have
// happened although no good answer came is [ErrInDoubt]: read the incident before repeating it. Errors of the context
// stay visible to errors.Is. No error carries a key, a link or a number.
//
// PagerDuty accepts what it does not understand, and grants fewer scopes than an app asked for, without a word:
// [Client.ClearConferenceBridge] reads back what it wrote, [CheckScopes] and [Client.MissingScopes] compare.
//
// # Set-up
//
// [Client.CreateWebhookSubscription] makes PagerDuty send its events, and tells the secret that signs them that one
// time. [Client.CreateExtension] puts a button on incidents, a custom incident action. PagerDuty switches either off for
// a day when three deliveries in a row are refused: see their Disabled, and enable them again.
//
// # Webhooks
//
// Verify first, over the very bytes that came, then parse:
//
//	verifier, err := pagerduty.NewVerifier([]string{secret})
//	err = verifier.Verify(request.Header, body)
//	event, err := pagerduty.ParseEvent(body)
//
// PagerDuty's signature carries no time, so a replay window is impossible: keep the ids that were handled for at
// least 48 hours. Custom incident actions ([ParseCustomAction]) and workflow bodies ([ParseWorkflow]) are not signed at
// all; authenticate them by a header of your own.
//
// # Concurrency
//
// A [Client] and a [Verifier] are safe for concurrent use and need not be closed. Only the request for an app's token
// runs in a goroutine, for 20 seconds at most, since all who wait for it share it.
//
// # Tests
//
// Package pagerdutytest is a fake PagerDuty for the tests of anyone who builds on this package.
package pagerduty

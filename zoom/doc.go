// Package zoom makes, reads, lists, changes, ends and deletes Zoom meetings, reads the
// users who host them, installs apps by OAuth, and verifies Zoom's webhooks.
//
// # Quick start
//
//	client, err := zoom.NewClient(zoom.ServerToServer(accountID, clientID, clientSecret))
//	meeting, err := client.CreateMeeting(ctx, "host@example.com", zoom.MeetingRequest{
//		Topic:     "Checkout is down",
//		StartTime: time.Now(),
//		Settings: zoom.MeetingSettings{
//			JoinBeforeHost: new(true),
//			JBHTime:        new(0),
//			WaitingRoom:    new(false),
//			UsePMI:         new(false),
//		},
//	})
//
// Settings that a request leaves out are those of the host and the account. Settings that
// the account has locked override the request without an error: read Meeting.Settings to
// see what applies.
//
// # Installed apps
//
// [ServerToServer] is an app of one's own account. An app that others install gets its
// tokens by [OAuth]: send the browser to [OAuth.AuthCodeURL], exchange the code that it
// comes back with for tokens, and keep those in a durable store, since Zoom accepts a
// refresh token once and returns its successor:
//
//	app, err := zoom.NewOAuth(clientID, clientSecret, "https://bridge.example.com/oauth/zoom/callback")
//	verifier := oauth2.GenerateVerifier()                       // kept, with a random state, for the callback
//	http.Redirect(w, r, app.AuthCodeURL(state, verifier), http.StatusSeeOther)
//	...
//	token, err := app.Exchange(ctx, r.FormValue("code"), verifier)
//	err = zoom.CheckScopes(token, zoom.UserScopes()...)         // names what the app lacks
//	client, err := zoom.NewClient(zoom.UserToken(zoom.StaticToken(token)))
//	user, err := client.User(ctx, zoom.Me)                      // who installed it: user.AccountID, user.IsAdmin()
//	...
//	source, err := tokenstore.NewTokenSource(store, "grant/acme/zoom", app.Refresh)
//	err = source.Save(ctx, installation, token)
//	client, err = zoom.NewClient(zoom.UserToken(source))        // from now on
//
// [OAuth.Revoke] ends the consent. When somebody ends it at Zoom, the webhook
// [EventAppDeauthorized] follows.
//
// # Errors
//
// Every method returns an [*Error] with what was tried and what Zoom answered. Tell
// errors apart with errors.Is and the sentinels. After [ErrHost] and [ErrDailyLimit]
// another host may do. [ErrUnavailable] means that Zoom gave no usable answer;
// [ErrCredentials], [ErrUnauthorized] and [ErrMissingScopes] that somebody has to look at
// the Zoom app; [ErrGrant] that somebody has to agree to it again; [ErrForbidden] and
// [ErrPlan] that Zoom will not do it for anybody. The caller's own context.Canceled and
// context.DeadlineExceeded are found by errors.Is too.
//
// Reads, ends and deletes are repeated by the transport on 408, 5xx, broken connections
// and short rate limits. An update is not, because Zoom counts it against the host's
// daily limit, and a create is not, because Zoom has no idempotency key: whenever a
// meeting may have been made although no usable answer came, CreateMeeting returns
// [ErrInDoubt]. Put a unique marker at the start of the agenda, and look for it with
// [Client.Meetings] before creating again.
//
// # Hosts and regions
//
// A call is sent to [WithBaseURL], else to the regional host that the token names
// (api_url, accepted only for hosts of Zoom itself), else to https://api.zoom.us/v2.
//
// # Webhooks
//
// [Verifier.Verify] checks the raw bytes of a delivery, [Verifier.Challenge] answers
// Zoom's validation of the endpoint, [ParseEvent] reads the rest:
//
//	if err := verifier.Verify(r.Header, body); err != nil {
//		http.Error(w, "bad signature", http.StatusUnauthorized)
//		return
//	}
//	if answer, ok := verifier.Challenge(r.Header, body); ok {
//		w.Write(answer)
//		return
//	}
//	event, err := zoom.ParseEvent(body)
//
// Answer 2xx to unknown events too, and to all within three seconds: do the work
// afterwards. Deliveries repeat and arrive out of order; [Event.Key] identifies an event.
//
// # Secrets
//
// Join links and passcodes let people in. Passcodes are of the type [Secret], a [Meeting]
// prints as its id, and no error contains either. The link that signs its holder in as
// the host is never read from an answer.
//
// Everything in this package is safe for concurrent use. Package zoom/zoomtest is a fake
// Zoom for tests.
package zoom

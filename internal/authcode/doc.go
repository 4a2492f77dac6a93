// Package authcode is the authorization code flow of an app that has a secret, with PKCE (S256) in every flow, for the
// clients of both vendors. golang.org/x/oauth2 makes the requests, httpx sends them.
//
//	app := &authcode.App{ClientID: id, ClientSecret: secret, RedirectURL: callback, BaseURL: "https://zoom.us/oauth", ...}
//	err := app.Check()
//	app.AuthCodeURL(state, verifier)              // where to send the browser
//	token, err := app.Exchange(ctx, code, verifier) // what it came back with
//	token, err = app.Refresh(ctx, token.RefreshToken)
//
// What x/oauth2 leaves open is settled here: a token always says when it ends, by the wall clock; nothing is asked for
// twice; no answer's words get into an error unseen. Its TokenSource, which keeps a rotated refresh token in memory alone,
// is not used: every method is one request.
//
// # Errors
//
// A refusal is a *oauth2.RetrieveError with the vendor's whole answer, for the client to read and to replace by
// [Refused]: its text may hold secrets. Else an error is [ErrInvalid] (nothing was sent), [ErrUnreadable] or an
// *httpx.Error.
//
// # Concurrency
//
// An App is safe for concurrent use as long as nobody changes it. There is nothing to close.
package authcode

// Package authcode gets OAuth tokens for the clients of both vendors: by the
// authorization code flow of an app that has a secret, with PKCE (S256) in every flow,
// and by the app's own credentials. golang.org/x/oauth2 makes the requests, httpx sends
// them.
//
//	app := &authcode.App{ClientID: id, ClientSecret: secret, RedirectURL: callback, BaseURL: "https://zoom.us/oauth", ...}
//	err := app.Check()
//	app.AuthCodeURL(state, verifier)                  // where to send the browser
//	token, err := app.Exchange(ctx, code, verifier)   // what it came back with
//	token, err = app.Refresh(ctx, token.RefreshToken)
//	token, err = app.ClientCredentials(ctx, form)     // a token of the app itself
//
// Every method is one request and keeps nothing. x/oauth2's own TokenSource would keep a
// rotated refresh token in memory alone, and is not used. Tokens have one shape: each has
// an expiry, by the wall clock, and as extras the strings "scope", "api_url" and
// "id_token", as far as the answer has them.
//
// # Errors
//
// An answer that is no success is a *oauth2.RetrieveError with the vendor's whole answer.
// Its text may hold secrets: the clients read it and return what [Refused] makes of it.
// Other errors are [ErrInvalid] (nothing was sent), [ErrUnreadable] or an *httpx.Error.
//
// # Concurrency
//
// An App is safe for concurrent use as long as nobody changes it. There is nothing to
// close.
package authcode

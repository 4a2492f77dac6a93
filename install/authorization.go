package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/zoom"
)

// Account is an account at a vendor, and the administrator who consented.
type Account struct {
	ID        string `json:"id,omitempty"`
	Subdomain string `json:"subdomain,omitempty"` // of PagerDuty only, as is Region
	Region    string `json:"region,omitempty"`
	UserID    string `json:"user_id"`
	Email     string `json:"email,omitempty"`

	// MissingScopes were not granted, as far as the vendor reported. Zoom's list may lag
	// behind.
	MissingScopes []string `json:"missing_scopes,omitempty"`
}

// same reports whether both are the same account, for any user of it. Accounts without a
// known id or subdomain never match.
func (a *Account) same(other *Account) bool {
	if a.ID != "" && other.ID != "" {
		return a.ID == other.ID
	}
	return a.Subdomain != "" && a.Subdomain == other.Subdomain && a.Region == other.Region
}

// Authorization is what one vendor granted for an administrator's consent. It is made by
// [Installation.Authorize]. It may be kept as JSON, in a sealed store only, until the
// other vendor has been asked too. It holds tokens, and prints without them.
type Authorization struct{ fields authorizationJSON }

// authorizationJSON is the JSON of an Authorization.
type authorizationJSON struct {
	Vendor       Vendor    `json:"vendor"`
	At           time.Time `json:"at"`
	Account      *Account  `json:"account"`
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token"`
	Expiry       time.Time `json:"expiry"`
	Scope        string    `json:"scope"`
	APIURL       string    `json:"api_url"`
}

// Vendor is the vendor that granted it.
func (a *Authorization) Vendor() Vendor { return a.fields.Vendor }

// Account is the account it was granted for, and the administrator who consented.
func (a *Authorization) Account() Account { return *a.fields.Account }

// Format keeps the tokens out of every fmt verb.
func (a *Authorization) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

// MarshalJSON returns JSON for a sealed store: it holds the tokens.
func (a *Authorization) MarshalJSON() ([]byte, error) { return json.Marshal(a.fields) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (a *Authorization) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &a.fields) != nil || a.fields.Account == nil || a.fields.AccessToken == "" {
		return errors.New("install: not an authorization") // nothing of the text: it holds tokens
	}
	return nil
}

func (a *Authorization) token() *oauth2.Token {
	token := &oauth2.Token{
		AccessToken: a.fields.AccessToken, RefreshToken: a.fields.RefreshToken, TokenType: "Bearer",
		Expiry: a.fields.Expiry,
	}
	return token.WithExtra(map[string]any{"scope": a.fields.Scope, "api_url": a.fields.APIURL})
}

// account is nil for a nil Authorization: the vendor's app is not installed by consent.
func (a *Authorization) account() *Account {
	if a == nil {
		return nil
	}
	return a.fields.Account
}

// Authorize exchanges the code of a vendor's callback for an Authorization, if the user
// who consented may install: an administrator of the account, and if the app is installed
// already, of that same account. Errors are ErrNotAdmin, ErrOtherAccount, or the vendor's
// own, such as zoom.ErrGrant for a code that is not valid (any more) and
// pagerduty.ErrMissingScopes, which names the scopes.
//
// Nothing of it is stored. A grant that is refused here is revoked as Revoke does it.
func (i *Installation) Authorize(ctx context.Context, vendor Vendor, code, verifier string) (*Authorization, error) {
	const op = "authorize"
	app := i.app(vendor)
	if app == nil {
		return nil, wrap(op, fmt.Errorf("%w: the %s app is not installed by consent", ErrInvalid, vendor))
	}
	at := i.now() // before the exchange: a removal that comes meanwhile counts
	token, err := app.oauth.Exchange(ctx, code, verifier)
	if err != nil {
		return nil, wrap(op, err)
	}
	account, err := app.identify(ctx, token)
	if err == nil {
		err = i.checkMayInstall(ctx, vendor, &account)
	}
	if err != nil {
		_ = i.revoke(ctx, app, account.ID, token) // the refusal is the error to report
		return nil, wrap(op, err)
	}
	scope, _ := token.Extra("scope").(string)
	apiURL, _ := token.Extra("api_url").(string)
	return &Authorization{authorizationJSON{
		Vendor: vendor, At: at.UTC(), Account: &account, AccessToken: token.AccessToken,
		RefreshToken: token.RefreshToken, Expiry: token.Expiry, Scope: scope, APIURL: apiURL,
	}}, nil
}

// checkMayInstall refuses another account's consent while the app is installed. A damaged
// record may be replaced by any account.
func (i *Installation) checkMayInstall(ctx context.Context, vendor Vendor, account *Account) error {
	r, _, err := i.records.read(ctx)
	if errors.Is(err, errDamaged) {
		return nil
	}
	if err != nil {
		return err
	}
	return r.checkSameAccount(vendor, account)
}

// zoomAccount reads who consented at Zoom. Missing scopes are reported, not refused:
// Zoom's list may lag behind the app.
func zoomAccount(ctx context.Context, token *oauth2.Token, opts []zoom.Option) (Account, error) {
	client, err := zoom.NewClient(zoom.UserToken(zoom.StaticToken(token)), opts...)
	if err != nil {
		return Account{}, err
	}
	user, err := client.User(ctx, zoom.Me)
	if err != nil {
		return Account{}, err
	}
	account := Account{ID: user.AccountID, UserID: user.ID, Email: user.Email}
	if !user.IsAdmin() {
		return account, fmt.Errorf("%w: %s", ErrNotAdmin, roleOrUnknown("Zoom", user.Role))
	}
	if missing, ok := errors.AsType[*zoom.Error](zoom.CheckScopes(token, zoom.UserScopes()...)); ok {
		account.MissingScopes = missing.Scopes
	}
	return account, nil
}

// pagerDutyAccount reads who consented at PagerDuty, whose list of granted scopes is
// exact. The scopes that the service runs with are required. What the others would set up
// can be done by hand.
func pagerDutyAccount(ctx context.Context, token *oauth2.Token, opts []pagerduty.Option) (Account, error) {
	if err := pagerduty.CheckScopes(token, pagerduty.RunScopes()...); err != nil {
		return Account{}, err
	}
	identity, err := pagerduty.IdentityOf(token)
	if err != nil {
		return Account{}, err
	}
	client, err := pagerduty.NewClient(pagerduty.UserToken(pagerduty.StaticToken(token)), opts...)
	if err != nil {
		return Account{}, err
	}
	user, err := client.CurrentUser(ctx)
	if err != nil {
		return Account{}, err
	}
	if user.ID != identity.UserID || !user.IsAdmin() {
		return Account{}, fmt.Errorf("%w: %s", ErrNotAdmin, roleOrUnknown("PagerDuty", user.Role))
	}
	missing, err := client.MissingScopes(ctx)
	if err != nil {
		return Account{}, err
	}
	return Account{
		ID: identity.AccountID, Subdomain: identity.Subdomain, Region: string(identity.Region),
		UserID: user.ID, Email: user.Email, MissingScopes: missing,
	}, nil
}

func roleOrUnknown(vendor, role string) string {
	if role == "" {
		return vendor + " did not report a role"
	}
	return "the role at " + vendor + " is " + truncate(role, 60)
}

package bridge

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

// Why an install is refused.
var (
	ErrNotAdmin     = errors.New("bridge: only an administrator of the account may install")
	ErrOtherAccount = errors.New("bridge: installed for another account, whose administrator alone can replace it")
)

// Account is an account at a vendor, and who in it agreed.
type Account struct {
	ID        string `json:"id,omitempty"`
	Subdomain string `json:"subdomain,omitempty"` // PagerDuty's alone, as Region
	Region    string `json:"region,omitempty"`
	UserID    string `json:"user_id"`
	Email     string `json:"email,omitempty"`

	// Missing are the scopes that were not granted, as far as the vendor told. Zoom's word on it may lag behind.
	Missing []string `json:"missing,omitempty"`
}

// same says whether it is the same account, whoever agreed in it. What nobody told is never the same.
func (a *Account) same(other *Account) bool {
	if a.ID != "" && other.ID != "" {
		return a.ID == other.ID
	}
	return a.Subdomain != "" && a.Subdomain == other.Subdomain && a.Region == other.Region
}

// Consent is what one vendor gave for an administrator's click. It is made by [Installation.Consent] and kept, as JSON and
// in a sealed store alone, until the other vendor has been asked too. It holds tokens, and prints without them.
type Consent struct{ given given }

// given is the JSON of a Consent.
type given struct {
	Vendor       Vendor    `json:"vendor"`
	At           time.Time `json:"at"`
	Account      *Account  `json:"account"`
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token"`
	Expiry       time.Time `json:"expiry"`
	Scope        string    `json:"scope"`
	APIURL       string    `json:"api_url"`
}

// Vendor is whose consent it is.
func (c *Consent) Vendor() Vendor { return c.given.Vendor }

// Account is whose app it may be, and who agreed.
func (c *Consent) Account() Account { return *c.given.Account }

// Format keeps the tokens out of every fmt verb.
func (c *Consent) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

// MarshalJSON is for a sealed store: it holds the tokens.
func (c *Consent) MarshalJSON() ([]byte, error) { return json.Marshal(c.given) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (c *Consent) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &c.given) != nil || c.given.Account == nil || c.given.AccessToken == "" {
		return errors.New("bridge: not a consent") // nothing of the text: it holds tokens
	}
	return nil
}

func (c *Consent) token() *oauth2.Token {
	token := &oauth2.Token{
		AccessToken: c.given.AccessToken, RefreshToken: c.given.RefreshToken, TokenType: "Bearer", Expiry: c.given.Expiry,
	}
	return token.WithExtra(map[string]any{"scope": c.given.Scope, "api_url": c.given.APIURL})
}

// Consent turns the code of a vendor's callback into a Consent, if whoever agreed may install: an administrator of the
// account, and where the app is installed already, of that same account. ErrNotAdmin, ErrOtherAccount; or the vendor's
// own error, such as ErrGrant for a code that is not good (any more) and pagerduty.ErrMissingScopes, which names them.
//
// Nothing of it is stored. What is refused here is ended at Zoom as Discard does it.
func (i *Installation) Consent(ctx context.Context, vendor Vendor, code, verifier string) (*Consent, error) {
	const op = "install"
	a := i.app(vendor)
	if a == nil {
		return nil, wrap(op, "", fmt.Errorf("%w: the %s app is not installed by consent", ErrInvalid, vendor))
	}
	at := time.Now()
	token, err := a.Exchange(ctx, code, verifier)
	if err != nil {
		return nil, wrap(op, "", err)
	}
	account, err := a.who(ctx, token)
	if err == nil {
		err = i.mayInstall(ctx, vendor, &account)
	}
	if err != nil {
		_ = i.revoke(ctx, a, account.ID, token) // the refusal stands either way
		return nil, wrap(op, "", err)
	}
	scope, _ := token.Extra("scope").(string)
	apiURL, _ := token.Extra("api_url").(string)
	return &Consent{given{
		Vendor: vendor, At: at.UTC(), Account: &account, AccessToken: token.AccessToken, RefreshToken: token.RefreshToken,
		Expiry: token.Expiry, Scope: scope, APIURL: apiURL,
	}}, nil
}

// mayInstall reads what is installed. A record that is lost may be replaced by anybody.
func (i *Installation) mayInstall(ctx context.Context, vendor Vendor, account *Account) error {
	r, _, err := i.read(ctx)
	if errors.Is(err, errLost) {
		return nil
	}
	if err != nil {
		return err
	}
	return r.mayReplace(vendor, account)
}

// mayReplace refuses another account's consent while the app is installed.
func (r *installation) mayReplace(vendor Vendor, account *Account) error {
	if r.State != installed {
		return nil
	}
	stands := r.Zoom
	if vendor == VendorPagerDuty {
		stands = r.PagerDuty
	}
	if stands != nil && !stands.same(account) {
		return fmt.Errorf("%w (%s)", ErrOtherAccount, vendor)
	}
	return nil
}

// zoomAccount reads who agreed at Zoom. Missing scopes are told and not refused: Zoom's list may lag behind the app.
func zoomAccount(ctx context.Context, token *oauth2.Token, opts []zoom.Option) (Account, error) {
	client, err := zoom.NewClient(zoom.StaticToken(token), opts...)
	if err != nil {
		return Account{}, err
	}
	user, err := client.User(ctx, zoom.Me)
	if err != nil {
		return Account{}, err
	}
	account := Account{ID: user.AccountID, UserID: user.ID, Email: user.Email}
	if !user.IsAdmin() {
		return account, fmt.Errorf("%w: their role at Zoom is %s", ErrNotAdmin, orUnknown(user.Role))
	}
	if lacking, ok := errors.AsType[*zoom.Error](zoom.CheckScopes(token, zoom.UserScopes()...)); ok {
		account.Missing = lacking.Scopes
	}
	return account, nil
}

// pagerDutyAccount reads who agreed at PagerDuty, whose list of granted scopes is exact. Those that run the service are
// needed; what others would have set up can be done by hand.
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
		return Account{}, fmt.Errorf("%w: their role at PagerDuty is %s", ErrNotAdmin, orUnknown(user.Role))
	}
	missing, err := client.MissingScopes(ctx)
	if err != nil {
		return Account{}, err
	}
	return Account{
		ID: identity.AccountID, Subdomain: identity.Subdomain, Region: string(identity.Region),
		UserID: user.ID, Email: user.Email, Missing: missing,
	}, nil
}

func orUnknown(role string) string {
	if role == "" {
		return "not told"
	}
	return truncate(role, 60)
}

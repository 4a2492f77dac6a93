package pagerduty

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
)

// User is what this package reads of a PagerDuty user. The calendar addresses, which are
// secrets, are never read.
type User struct {
	ID    string
	Name  string
	Email string
	Role  string // the API's name: "user" is a Manager on the screen, "limited_user" a Responder
	Teams []Reference

	HTMLURL string // the user's page in PagerDuty, whose host names the account; may be empty
}

// IsAdmin reports whether the user is the Account Owner or a Global Admin of the account
// ("Admin" without advanced permissions).
func (u *User) IsAdmin() bool { return u.Role == "owner" || u.Role == "admin" }

// User reads the user with the given id.
//
// See https://developer.pagerduty.com/api-reference/2395ca1feb25e-get-a-user.
func (c *Client) User(ctx context.Context, id string) (*User, error) {
	const op = "get user"
	if !validID(id) {
		return nil, invalid(op, "", "the user id must be letters and digits")
	}
	return c.readUser(ctx, request{op: op, method: http.MethodGet, path: "/users/" + id})
}

func (c *Client) readUser(ctx context.Context, r request) (*User, error) {
	answer, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	user := decodeUser(answer.Object("user"))
	if user.ID == "" {
		return nil, unreadable(r, errors.New("no user in the answer"))
	}
	return user, nil
}

// UserByEmail reads the user with that address, in any case. It is [ErrNotFound] when
// nobody has it.
//
// See https://developer.pagerduty.com/api-reference/c96e889522dd6-list-users.
func (c *Client) UserByEmail(ctx context.Context, email string) (*User, error) {
	const op = "find user"
	if !plausibleEmail(email) {
		return nil, invalid(op, "", "not an e-mail address")
	}
	var found *User
	r := request{op: op, path: "/users", query: url.Values{"query": {email}}, secrets: []string{email}}
	err := c.forEach(ctx, r, "users", func(entry lenientjson.Object) bool {
		if user := decodeUser(entry); strings.EqualFold(user.Email, email) && user.ID != "" {
			found = user
		}
		return found == nil
	})
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, &Error{Op: op, Err: ErrNotFound}
	}
	return found, nil
}

// CurrentUser reads the user that the key or token belongs to. An account's key and an
// app's token belong to none: [ErrNoUser].
//
// See getCurrentUser in https://developer.pagerduty.com/api-reference/.
func (c *Client) CurrentUser(ctx context.Context) (*User, error) {
	const op = "get current user"
	if c.auth.app != nil {
		return nil, &Error{Op: op, Err: ErrNoUser}
	}
	user, err := c.readUser(ctx, request{op: op, method: http.MethodGet, path: "/users/me"})
	if refused, ok := errors.AsType[*Error](err); ok && strings.Contains(refused.Message, "account-level") {
		noUser := *refused
		noUser.Err = ErrNoUser
		return nil, &noUser
	}
	return user, err
}

// TeamRole reads the role that a user has in a team: "observer", "responder" or
// "manager". It can raise or lower the user's own. It is [ErrNotFound] when there is no
// such team, or the user is not in it.
//
// See listTeamUsers in https://developer.pagerduty.com/api-reference/.
func (c *Client) TeamRole(ctx context.Context, teamID, userID string) (string, error) {
	const op = "get team role"
	if !validID(teamID) || !validID(userID) {
		return "", invalid(op, "", "the team and user ids must be letters and digits")
	}
	role, found := "", false
	r := request{op: op, path: "/teams/" + teamID + "/members"}
	err := c.forEach(ctx, r, "members", func(member lenientjson.Object) bool {
		if member.Object("user").String("id") == userID {
			role, found = member.String("role"), true
		}
		return !found
	})
	if err == nil && !found {
		err = &Error{Op: op, Err: ErrNotFound}
	}
	return role, err
}

func decodeUser(o lenientjson.Object) *User {
	return &User{
		ID:    o.String("id"),
		Name:  o.String("name", "summary"),
		Email: o.String("email"),
		Role:  o.String("role"),
		Teams: references(o.Objects("teams")),

		HTMLURL: o.String("html_url"),
	}
}

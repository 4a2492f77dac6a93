package pagerduty

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// usersPerPage and maxUserPages bound the search for an address; PagerDuty pages no further than 10,000 entries.
const (
	usersPerPage = 100
	maxUserPages = 100
)

// User is what this package reads of a PagerDuty user. The calendar addresses, which are secrets, are never read.
type User struct {
	ID    string
	Name  string
	Email string
	Role  string // the API's name: "user" is a Manager on the screen, "limited_user" a Responder
	Teams []Reference
}

// User reads the user with the given id. See https://developer.pagerduty.com/api-reference/2395ca1feb25e-get-a-user.
func (c *Client) User(ctx context.Context, id string) (*User, error) {
	const op = "get user"
	if !validID(id) {
		return nil, invalid(op, "", "the user id must be letters and digits")
	}
	r := request{op: op, method: http.MethodGet, path: "/users/" + id}
	answer, err := c.call(ctx, r)
	if err != nil {
		return nil, err
	}
	user := decodeUser(answer.object("user"))
	if user.ID == "" {
		return nil, unreadableError(r)
	}
	return user, nil
}

// UserByEmail finds the user whose address is email, whatever its case, and [ErrNotFound] when nobody has it.
// See https://developer.pagerduty.com/api-reference/c96e889522dd6-list-users.
func (c *Client) UserByEmail(ctx context.Context, email string) (*User, error) {
	const op = "find user"
	if !plausibleEmail(email) {
		return nil, invalid(op, "", "not an e-mail address")
	}
	for page := range maxUserPages {
		r := request{
			op: op, method: http.MethodGet, path: "/users",
			query: url.Values{
				"query":  {email},
				"limit":  {strconv.Itoa(usersPerPage)},
				"offset": {strconv.Itoa(page * usersPerPage)},
			},
			sensitive: []string{email},
		}
		answer, err := c.call(ctx, r)
		if err != nil {
			return nil, err
		}
		if _, listed := answer["users"]; !listed {
			return nil, unreadableError(r)
		}
		for _, one := range answer.objects("users") {
			if user := decodeUser(one); strings.EqualFold(user.Email, email) && user.ID != "" {
				return user, nil
			}
		}
		if string(answer["more"]) != "true" {
			break
		}
	}
	return nil, &Error{Op: op, Err: ErrNotFound}
}

func decodeUser(o object) *User {
	return &User{
		ID:    o.text("id"),
		Name:  o.text("name", "summary"),
		Email: o.text("email"),
		Role:  o.text("role"),
		Teams: references(o.objects("teams")),
	}
}

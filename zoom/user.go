package zoom

import (
	"context"
	"errors"
)

// Me names the user whom a token was given for. A token of a single user must use it; the account's own app has none.
const Me = "me"

// The values of User.Type.
const (
	UserBasic      = 1 // 40 minutes and 100 people at most
	UserLicensed   = 2
	UserUnassigned = 4
	UserNone       = 99
)

// User is a Zoom user. Any field may be empty.
type User struct {
	ID         string
	AccountID  string
	Email      string
	Name       string
	Type       int    // UserBasic, UserLicensed, ...
	Role       string // the role's name in the account, such as "Owner", "Admin", "Member"
	Status     string // "active", ...
	PersonalID string // the personal meeting id
	UsePMI     *bool  // instant meetings are held under the personal id
	Timezone   string
	Cluster    string
}

// User reads a user by e-mail address or id, or the token's own as Me. ErrHost when there is none in the account.
//
// See https://developers.zoom.us/docs/api/users/#tag/users/get/users/{userId}.
func (c *Client) User(ctx context.Context, user string) (*User, error) {
	const op = "get user"
	path, err := userPath(user, "")
	if err != nil {
		return nil, invalid(op, err)
	}
	o, err := c.read(ctx, op, path)
	if err != nil {
		return nil, err
	}
	if o.text("id") == "" {
		return nil, unreadable(op, errors.New("no user id in the answer"))
	}
	return &User{
		ID:         o.text("id"),
		AccountID:  o.text("account_id"),
		Email:      o.text("email"),
		Name:       o.text("display_name"),
		Type:       int(o.integer("type")),
		Role:       o.text("role_name"),
		Status:     o.text("status"),
		PersonalID: o.text("pmi"),
		UsePMI:     o.flag("use_pmi"),
		Timezone:   o.text("timezone"),
		Cluster:    o.text("cluster"),
	}, nil
}

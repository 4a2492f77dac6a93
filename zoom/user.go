package zoom

import (
	"context"
	"errors"
	"net/http"
)

// Me is the user who installed the app. With a single user's token it is the only one
// allowed; the account's own app has none.
const Me = "me"

// The values of User.Type.
const (
	UserBasic      = 1 // at most 40 minutes and 100 people
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
	RoleID     string // "0" is the owner, "1" an admin, "2" a member; others are the account's own
	Status     string // "active", ...
	PersonalID string // the personal meeting id
	UsePMI     *bool  // instant meetings are held under the personal id
	Timezone   string
	Cluster    string
}

// IsAdmin reports whether the user is the owner or an admin of the Zoom account. A custom
// role does not count, whatever it allows. Without a role id the name decides.
func (u *User) IsAdmin() bool {
	switch u.RoleID {
	case "0", "1":
		return true
	case "":
		return u.Role == "Owner" || u.Role == "Admin"
	}
	return false
}

// User reads a user by e-mail address or id, or the token's own as Me. It is ErrHost when
// the account has no such user.
//
// See https://developers.zoom.us/docs/api/users/#tag/users/get/users/{userId}.
func (c *Client) User(ctx context.Context, user string) (*User, error) {
	const op = "get user"
	path, err := userPath(user, "")
	if err != nil {
		return nil, invalid(op, err)
	}
	r := request{op: op, method: http.MethodGet, path: path}
	o, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	if o.String("id") == "" {
		return nil, unreadable(r, errors.New("no user id in the answer"))
	}
	return &User{
		ID:         o.String("id"),
		AccountID:  o.String("account_id"),
		Email:      o.String("email"),
		Name:       o.String("display_name"),
		Type:       int(o.Int("type")),
		Role:       o.String("role_name"),
		RoleID:     o.String("role_id"),
		Status:     o.String("status"),
		PersonalID: o.String("pmi"),
		UsePMI:     o.BoolPtr("use_pmi"),
		Timezone:   o.String("timezone"),
		Cluster:    o.String("cluster"),
	}, nil
}

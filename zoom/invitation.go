package zoom

import (
	"context"
	"errors"
	"net/http"
)

// Invitation is the text to send to people who are to join. It contains the link and the
// passcodes.
type Invitation struct {
	Text     Secret // several lines, each ended by CR LF
	SIPLinks []Secret
}

// Invitation reads the text that invites people to a meeting. It is ErrNotFound when the
// meeting is gone.
//
// See
// https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/meetings/{meetingId}/invitation.
func (c *Client) Invitation(ctx context.Context, id int64) (*Invitation, error) {
	const op = "get invitation"
	path, err := meetingPath(id)
	if err != nil {
		return nil, invalid(op, err)
	}
	r := request{op: op, method: http.MethodGet, path: path + "/invitation"}
	o, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	invitation := &Invitation{Text: Secret(o.String("invitation"))}
	if invitation.Text == "" {
		return nil, unreadable(r, errors.New("no invitation in the answer"))
	}
	for _, link := range o.Strings("sip_links") {
		invitation.SIPLinks = append(invitation.SIPLinks, Secret(link))
	}
	return invitation, nil
}

package pagerduty

import (
	"context"
	"errors"
	"net/http"
)

// Abilities lists what the account's plan includes, by PagerDuty's names, such as
// "teams". No name for conference bridges is published.
//
// See listAbilities in https://developer.pagerduty.com/api-reference/.
func (c *Client) Abilities(ctx context.Context) ([]string, error) {
	r := request{op: "list abilities", method: http.MethodGet, path: "/abilities"}
	answer, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	if !answer.Has("abilities") {
		return nil, unreadable(r, errors.New("no abilities in the answer"))
	}
	return answer.Strings("abilities"), nil
}

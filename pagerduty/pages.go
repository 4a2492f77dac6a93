package pagerduty

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strconv"

	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
)

// perPage and maxPages bound a list: PagerDuty pages no further than 10,000 entries.
const (
	perPage  = 100
	maxPages = 100
)

// each shows the entries of all pages of the list under name, in order, until see is false.
func (c *Client) each(ctx context.Context, r request, name string, see func(lenientjson.Object) bool) error {
	for page := range maxPages {
		r.method = http.MethodGet
		query := url.Values{}
		maps.Copy(query, r.query)
		query.Set("limit", strconv.Itoa(perPage))
		query.Set("offset", strconv.Itoa(page*perPage))
		paged := r
		paged.query = query
		answer, err := c.call(ctx, paged)
		if err != nil {
			return err
		}
		if !answer.Has(name) {
			return unreadableError(paged)
		}
		for _, entry := range answer.Objects(name) {
			if !see(entry) {
				return nil
			}
		}
		if !answer.Bool("more") {
			return nil
		}
	}
	return nil
}

package pagerduty

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"

	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
)

// perPage and maxPages limit a list: PagerDuty returns at most 10,000 entries.
const (
	perPage  = 100
	maxPages = 100
)

// forEach yields the entries of all pages of the list under name, in order, until yield
// returns false.
func (c *Client) forEach(
	ctx context.Context, r request, name string, yield func(lenientjson.Object) bool,
) error {
	for page := range maxPages {
		r.method = http.MethodGet
		query := url.Values{}
		maps.Copy(query, r.query)
		query.Set("limit", strconv.Itoa(perPage))
		query.Set("offset", strconv.Itoa(page*perPage))
		paged := r
		paged.query = query
		answer, err := c.do(ctx, paged)
		if err != nil {
			return err
		}
		if !answer.Has(name) {
			return unreadable(paged, fmt.Errorf("no %s in the answer", name))
		}
		for _, entry := range answer.Objects(name) {
			if !yield(entry) {
				return nil
			}
		}
		if !answer.Bool("more") {
			return nil
		}
	}
	return nil
}

package sqlstore

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// longestPage bounds what one Due holds in memory, whatever it is asked for.
const longestPage = 1000

// Due implements [tokenstore.Store]. It is exact: it never misses a record, nor names one that is not due. A page has at
// most 1000 keys.
func (s *Store) Due(
	ctx context.Context, prefix string, before time.Time, after string, limit int,
) (keys []string, next string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	if err := tokenstore.CheckDue(prefix, limit); err != nil {
		return nil, "", err
	}
	last, err := parseCursor(after)
	if err != nil {
		return nil, "", err
	}
	limit = min(limit, longestPage)

	// Below the prefix are the keys from "prefix/" up to "prefix0": the zero is the byte behind the slash.
	rows, err := s.db.QueryContext(ctx, s.sql.due,
		before.UnixMilli(), last.dueAt, last.key, prefix, prefix+"/", prefix+"0", limit+1)
	if err != nil {
		return nil, "", failed(ctx, "list what is due under "+prefix, err)
	}
	defer rows.Close()
	for rows.Next() {
		if len(keys) == limit {
			return keys, last.String(), nil
		}
		if err := rows.Scan(&last.key, &last.dueAt); err != nil {
			return nil, "", failed(ctx, "list what is due under "+prefix, err)
		}
		keys = append(keys, last.key)
	}
	if err := rows.Err(); err != nil {
		return nil, "", failed(ctx, "list what is due under "+prefix, err)
	}
	return keys, "", nil
}

// cursor is the place of a record in the order of Due: the last one of a page, behind which the next page begins.
type cursor struct {
	dueAt int64 // in milliseconds since 1970
	key   string
}

func (c cursor) String() string {
	return strconv.FormatInt(c.dueAt, 10) + " " + c.key
}

func parseCursor(text string) (cursor, error) {
	if text == "" {
		return cursor{}, nil
	}
	millis, key, _ := strings.Cut(text, " ")
	dueAt, err := strconv.ParseInt(millis, 10, 64)
	if err != nil || tokenstore.CheckKey(key) != nil {
		return cursor{}, fmt.Errorf("%w: after is not a cursor of this store", tokenstore.ErrInvalid)
	}
	return cursor{dueAt: dueAt, key: key}, nil
}

package sqlstore

import (
	"context"
	"time"
)

// pruneBatch is how many records one statement of Prune deletes, so that nobody waits long for its locks.
const pruneBatch = 100

// tidyWait is how long readers may hold up the end of a Prune, and it writers.
const tidyWait = time.Second

// Prune deletes the records that have expired and returns how many there were. The other methods do not see these any more,
// but they take room, and their bytes lie on the disk: call it now and then, say every hour, from any number of processes.
//
// With SQLite it also empties the write-ahead log, where older values of all records linger, unless somebody is reading
// just then. When it fails, what it has deleted stays deleted and the rest is for the next time.
func (s *Store) Prune(ctx context.Context) (deleted int64, err error) {
	for more := true; more; {
		result, err := s.db.ExecContext(ctx, s.sql.prune)
		if err != nil {
			return deleted, failed(ctx, "prune what has expired", err)
		}
		batch, err := result.RowsAffected()
		if err != nil {
			return deleted, failed(ctx, "prune what has expired", err)
		}
		deleted += batch
		more = batch == pruneBatch
	}
	return deleted, s.tidy(ctx)
}

func (s *Store) tidy(ctx context.Context) error {
	if s.words.tidy == "" {
		return nil
	}
	short, cancel := context.WithTimeout(ctx, tidyWait)
	defer cancel()
	_, err := s.db.ExecContext(short, s.words.tidy)
	if err == nil || short.Err() != nil && ctx.Err() == nil {
		return nil
	}
	return failed(ctx, "prune: "+s.words.tidy, err)
}

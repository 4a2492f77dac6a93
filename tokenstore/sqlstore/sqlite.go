package sqlstore

import (
	"net/url"
	"path/filepath"
)

// SQLiteDSN returns the data source name with which modernc.org/sqlite opens the file as
// the store needs it: write-ahead log, every commit on the disk before it is
// acknowledged, deleted bytes overwritten, and up to ten seconds of waiting while another
// process writes. The file is created if it does not exist; its folder is not.
//
// These settings belong to a connection, not to the file, so give them in the name and
// never in a statement: the pool opens connections of its own. For another driver
// translate them; Migrate names what is missing.
func SQLiteDSN(file string) string {
	path := url.URL{Path: filepath.ToSlash(filepath.Clean(file))}
	return "file:" + path.EscapedPath() + "?" + url.Values{"_pragma": {
		"busy_timeout(10000)", // first: the next one may have to wait
		"journal_mode(WAL)",
		"synchronous(FULL)",
		"secure_delete(ON)",
	}}.Encode()
}

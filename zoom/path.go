package zoom

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

func meetingPath(id int64) (string, error) {
	if id <= 0 {
		return "", fmt.Errorf("meeting id %d is not positive", id)
	}
	return "/meetings/" + strconv.FormatInt(id, 10), nil
}

// userPath escapes the user, whatever the name holds, into one path segment. The two segments that mean another path
// even so, and none at all, are refused.
func userPath(user, below string) (string, error) {
	if user == "" || user == "." || user == ".." {
		return "", fmt.Errorf("%q is neither an e-mail address nor a user id", user)
	}
	if strings.ContainsFunc(user, unicode.IsControl) {
		return "", errors.New("the user has control characters")
	}
	return "/users/" + url.PathEscape(user) + below, nil
}

// sessionPath escapes the UUID of a meeting's session. Zoom's gateway undoes one escaping and joins slashes, so one that
// begins with a slash or holds two in a row is escaped twice.
func sessionPath(uuid string) (string, error) {
	if uuid == "" || strings.Trim(uuid, base64Alphabet) != "" {
		return "", fmt.Errorf("%q is not the UUID of a meeting", uuid)
	}
	escaped := url.PathEscape(uuid)
	if strings.HasPrefix(uuid, "/") || strings.Contains(uuid, "//") {
		escaped = url.PathEscape(escaped)
	}
	return "/past_meetings/" + escaped, nil
}

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="

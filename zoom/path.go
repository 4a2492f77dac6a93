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

// userPath returns the path with the user escaped into one segment. The two segments that
// would mean another path, and an empty one, are errors.
func userPath(user, below string) (string, error) {
	if user == "" || user == "." || user == ".." {
		return "", fmt.Errorf("%q is neither an e-mail address nor a user id", user)
	}
	if strings.ContainsFunc(user, unicode.IsControl) {
		return "", errors.New("the user has control characters")
	}
	return "/users/" + url.PathEscape(user) + below, nil
}

// sessionPath returns the path of a meeting's session. Zoom's gateway unescapes once and
// joins slashes, so a UUID that begins with a slash or contains two in a row is escaped
// twice.
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

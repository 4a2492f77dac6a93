package settings

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
)

// keyBytes is the length of an AES-256 key.
const keyBytes = 32

// storeIs says whether STORE_URL is of a kind: memory, sqlite, postgres, redis or dynamodb.
func (s *Settings) storeIs(kind string) bool {
	scheme, _, _ := strings.Cut(string(s.StoreURL), ":")
	return scheme == kind
}

func storeURL(value string) string {
	const want = "must be memory:, sqlite:FILE, postgres://…, redis://… or dynamodb://TABLE"
	kind, rest, _ := strings.Cut(value, ":")
	switch kind {
	case "memory":
		if rest == "" && strings.HasSuffix(value, ":") {
			return ""
		}
	case "sqlite":
		if rest != "" {
			return ""
		}
	case "postgres", "redis", "dynamodb":
		if u, err := url.Parse(value); err == nil && u.Host != "" {
			return ""
		}
	}
	return want
}

// storeKeys checks id:base64[,id:base64…] and never names an id: in a list put together wrongly it may be a key.
func storeKeys(value string) string {
	if value == "" {
		return ""
	}
	seen := map[string]bool{}
	for i, entry := range strings.Split(value, ",") {
		id, encoded, ok := strings.Cut(strings.TrimSpace(entry), ":")
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || id == "" || err != nil || len(key) != keyBytes {
			return fmt.Sprintf("entry %d must be id:base64-of-%d-bytes", i+1, keyBytes)
		}
		if seen[id] {
			return fmt.Sprintf("entry %d has the id of another one", i+1)
		}
		seen[id] = true
	}
	return ""
}

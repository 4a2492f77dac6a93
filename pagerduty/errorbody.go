package pagerduty

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
	"github.com/incidentbridge/incidentbridge/internal/redact"
)

// Bounds of what an error repeats of PagerDuty's words.
const (
	maxDetails     = 10
	maxDetailBytes = 300
)

// decodeError reads an error body in any of the shapes PagerDuty has been seen to use. What it cannot read, an HTML
// page for instance, leaves everything empty.
func decodeError(body []byte) (code int, message string, details []string) {
	content, err := lenientjson.Parse(body)
	if err != nil {
		return 0, "", nil
	}
	inner := content.Object("error")
	if inner == nil {
		if reasons := flatten(content["error"]); len(reasons) > 0 {
			return 0, reasons[0], reasons[1:]
		}
		inner = content
	}
	return int(inner.Int("code")), inner.String("message"), flatten(inner["errors"])
}

// flatten lists the texts in raw: a text, a list of them, or an object of path to either.
func flatten(raw json.RawMessage) []string {
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return nil
	}
	return texts(value, "")
}

func texts(value any, path string) []string {
	var found []string
	switch value := value.(type) {
	case string:
		if path != "" {
			value = path + ": " + value
		}
		return []string{value}
	case []any:
		for _, one := range value {
			found = append(found, texts(one, path)...)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			found = append(found, texts(value[name], name)...)
		}
	}
	return found[:min(len(found), maxDetails)]
}

// scrub shortens PagerDuty's words and takes out what must not be repeated: links and the sensitive values.
func scrub(text string, sensitive []string) string {
	text = redact.Words(text, sensitive...)
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if len(text) > maxDetailBytes {
		text = strings.ToValidUTF8(text[:maxDetailBytes], "") + "…"
	}
	return text
}

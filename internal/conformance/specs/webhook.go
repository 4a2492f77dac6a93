package specs

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// Webhooks returns the names of the events that the document describes, sorted.
func (c *Contract) Webhooks() []string { return slices.Sorted(maps.Keys(c.document.Webhooks)) }

// CheckWebhook returns what is wrong with the body of an event, which the fake made as
// the vendor would.
func (c *Contract) CheckWebhook(event string, body []byte) []Violation {
	media := c.webhook(event)
	if media == nil {
		return c.real([]Violation{{event, Fake, "event", "is not published"}})
	}
	return c.real(c.fits(event, media.Schema.Value, body))
}

// WebhookExamples returns the vendor's own examples of an event's body.
func (c *Contract) WebhookExamples(event string) [][]byte {
	media := c.webhook(event)
	if media == nil {
		return nil
	}
	return examples(media)
}

func (c *Contract) webhook(event string) *openapi3.MediaType {
	item := c.document.Webhooks[event]
	if item == nil || item.Post == nil || item.Post.RequestBody == nil {
		return nil
	}
	return item.Post.RequestBody.Value.Content.Get("application/json")
}

func examples(media *openapi3.MediaType) [][]byte {
	var all [][]byte
	for _, name := range slices.Sorted(maps.Keys(media.Examples)) {
		raw, err := json.Marshal(media.Examples[name].Value.Value)
		if err != nil {
			continue // it was read from JSON
		}
		all = append(all, raw)
	}
	return all
}

package pagerduty

import (
	"context"
	"net/http"
	"strings"
)

type noteWrite struct {
	Note noteWriteContent `json:"note"`
}

type noteWriteContent struct {
	Content string `json:"content"`
}

// AddNote writes a note to the incident's timeline. A note is not idempotent: it is sent again only when it surely
// never left, and [ErrInDoubt] says that it may be there.
// See https://developer.pagerduty.com/api-reference/a1ac30885eb7a-create-a-note-on-an-incident.
func (c *Client) AddNote(ctx context.Context, id, content string) error {
	const op = "add note"
	if !validID(id) {
		return invalid(op, "", "the incident id must be letters and digits")
	}
	if strings.TrimSpace(content) == "" {
		return invalid(op, id, "the note is empty")
	}
	r := request{
		op: op, incidentID: id,
		method: http.MethodPost, path: "/incidents/" + id + "/notes",
		body: noteWrite{noteWriteContent{Content: content}},
	}
	answer, err := c.call(ctx, r)
	if err != nil {
		return err
	}
	if answer.object("note") == nil {
		return unreadableError(r)
	}
	return nil
}

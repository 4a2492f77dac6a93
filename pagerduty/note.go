package pagerduty

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
)

// Note is a note on an incident's timeline.
type Note struct {
	ID        string
	Content   string
	Trimmed   bool       // a webhook cut the content short
	User      *Reference // who wrote it; of type "bot_user_reference" for a service
	CreatedAt time.Time
}

type noteWrite struct {
	Note noteWriteContent `json:"note"`
}

type noteWriteContent struct {
	Content string `json:"content"`
}

// AddNote writes a note to the incident's timeline. A note is not idempotent: it is sent
// again only when it surely never left. After [ErrInDoubt] it may be there: look with
// [Client.Notes] before repeating it. [ErrLimit] means that the incident has all the 2000
// notes it can have.
//
// See
// https://developer.pagerduty.com/api-reference/a1ac30885eb7a-create-a-note-on-an-incident.
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
	answer, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	if answer.Object("note") == nil {
		return unreadable(r, errors.New("no note in the answer"))
	}
	return nil
}

// Notes lists the notes of the incident, in PagerDuty's order.
//
// See listIncidentNotes in https://developer.pagerduty.com/api-reference/.
func (c *Client) Notes(ctx context.Context, id string) ([]Note, error) {
	const op = "list notes"
	if !validID(id) {
		return nil, invalid(op, "", "the incident id must be letters and digits")
	}
	r := request{op: op, incidentID: id, method: http.MethodGet, path: "/incidents/" + id + "/notes"}
	answer, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	if !answer.Has("notes") {
		return nil, unreadable(r, errors.New("no notes in the answer"))
	}
	var notes []Note
	for _, one := range answer.Objects("notes") {
		notes = append(notes, *decodeNote(one))
	}
	return notes, nil
}

func decodeNote(o lenientjson.Object) *Note {
	return &Note{
		ID:        o.String("id"),
		Content:   o.String("content"),
		Trimmed:   o.Bool("trimmed"),
		User:      referenceFrom(o.Object("user")),
		CreatedAt: o.Time("created_at"),
	}
}

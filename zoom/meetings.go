package zoom

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"

	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
)

// CreateMeeting makes a meeting that host, an e-mail address or user id, owns.
//
// The request is sent once: it is repeated only when it surely never left, or after Zoom
// rejected the token as expired. Whenever a meeting may exist although no usable answer
// came back, the error is ErrInDoubt. After ErrHost or ErrDailyLimit another host may do;
// a 429 is never waited for.
//
// See
// https://developers.zoom.us/docs/api/meetings/#tag/meetings/post/users/{userId}/meetings.
func (c *Client) CreateMeeting(ctx context.Context, host string, m MeetingRequest) (*Meeting, error) {
	const op = "create meeting"
	path, err := userPath(host, "/meetings")
	if err != nil {
		return nil, invalid(op, err)
	}
	wanted, err := m.wire()
	if err != nil {
		return nil, invalid(op, err)
	}
	if wanted.Type == 0 {
		wanted.Type = TypeScheduled
	}
	r := request{op: op, method: http.MethodPost, path: path, body: wanted, once: true}
	answer, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	meeting := meetingFrom(answer)
	switch {
	case meeting.ID <= 0:
		return nil, unreadable(r, errNoMeetingID)
	case meeting.JoinURL == "":
		return nil, unreadable(r, errors.New("no join link in the answer"))
	}
	return meeting, nil
}

// Meeting reads one meeting; ErrNotFound when it is gone.
//
// See
// https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/meetings/{meetingId}.
func (c *Client) Meeting(ctx context.Context, id int64) (*Meeting, error) {
	const op = "get meeting"
	path, err := meetingPath(id)
	if err != nil {
		return nil, invalid(op, err)
	}
	r := request{op: op, method: http.MethodGet, path: path}
	answer, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	meeting := meetingFrom(answer)
	if meeting.ID <= 0 {
		return nil, unreadable(r, errNoMeetingID)
	}
	return meeting, nil
}

// Meetings lists the scheduled meetings of host, reading the next page when the loop
// needs it. Instant meetings are never among them, a new one may be missing for a moment,
// and agendas are cut to 250 characters. An error ends the sequence; what came before it
// is then only a part of the list.
//
// See
// https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/users/{userId}/meetings.
func (c *Client) Meetings(ctx context.Context, host string) iter.Seq2[*Meeting, error] {
	const op = "list meetings"
	return func(yield func(*Meeting, error) bool) {
		path, err := userPath(host, "/meetings")
		if err != nil {
			yield(nil, invalid(op, err))
			return
		}
		query := url.Values{"type": {"scheduled"}, "page_size": {"300"}}
		r := request{op: op, method: http.MethodGet, path: path, query: query}
		for {
			answer, err := c.do(ctx, r)
			if err != nil {
				yield(nil, err)
				return
			}
			page, next, err := pageFrom(answer)
			if err == nil && next != "" && next == query.Get("next_page_token") {
				err = errors.New("the next page is the same page")
			}
			if err != nil {
				yield(nil, unreadable(r, err))
				return
			}
			for _, meeting := range page {
				if !yield(meeting, nil) {
					return
				}
			}
			if next == "" { //mutant:last-page
				return
			}
			query.Set("next_page_token", next)
		}
	}
}

// UpdateMeeting changes what m sets and leaves the rest as it is; ErrNotFound when the
// meeting is gone.
//
// The request is sent once, since Zoom counts it to the host's 100 creates and updates a
// day (ErrDailyLimit). After ErrUnavailable it may or may not have been applied; sending
// it again does no other harm.
//
// See
// https://developers.zoom.us/docs/api/meetings/#tag/meetings/patch/meetings/{meetingId}.
func (c *Client) UpdateMeeting(ctx context.Context, id int64, m MeetingRequest) error {
	const op = "update meeting"
	path, err := meetingPath(id)
	if err != nil {
		return invalid(op, err)
	}
	wanted, err := m.wire()
	if err != nil {
		return invalid(op, err)
	}
	_, err = c.do(ctx, request{op: op, method: http.MethodPatch, path: path, body: wanted, empty: true})
	return err
}

// EndMeeting ends a running meeting for everybody in it. A meeting that is gone counts as
// ended. A scheduled meeting can be started again by its link until it is deleted.
//
// See
// https://developers.zoom.us/docs/api/meetings/#tag/meetings/put/meetings/{meetingId}/status.
func (c *Client) EndMeeting(ctx context.Context, id int64) error {
	const op = "end meeting"
	path, err := meetingPath(id)
	if err != nil {
		return invalid(op, err)
	}
	action := map[string]string{"action": "end"}
	r := request{op: op, method: http.MethodPut, path: path + "/status", body: action, empty: true}
	_, err = c.do(ctx, r)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// DeleteMeeting removes a meeting, so that its link is dead. A meeting that is gone or
// over counts as deleted; one that people are in is ErrMeetingInProgress.
//
// See
// https://developers.zoom.us/docs/api/meetings/#tag/meetings/delete/meetings/{meetingId}.
func (c *Client) DeleteMeeting(ctx context.Context, id int64) error {
	const op = "delete meeting"
	path, err := meetingPath(id)
	if err != nil {
		return invalid(op, err)
	}
	_, err = c.do(ctx, request{op: op, method: http.MethodDelete, path: path, empty: true})
	if errors.Is(err, ErrNotFound) || isOver(err) {
		return nil
	}
	return err
}

// isOver reports whether err is the refusal to delete a meeting that has already ended.
func isOver(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.StatusCode == http.StatusBadRequest && e.Code == 3007
}

var errNoMeetingID = errors.New("no meeting id in the answer")

// pageFrom requires the list to be there: somebody who looks for a lost meeting must not
// take another answer for "none".
func pageFrom(o lenientjson.Object) (page []*Meeting, next string, err error) {
	if !o.Has("meetings") {
		return nil, "", errors.New("no list of meetings in the answer")
	}
	for _, item := range o.Objects("meetings") {
		if meeting := meetingFrom(item); meeting.ID > 0 {
			page = append(page, meeting)
		}
	}
	return page, o.String("next_page_token"), nil
}

package zoom

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// PastMeeting is one session of a meeting that is over.
type PastMeeting struct {
	MeetingID    int64
	UUID         string
	HostID       string
	Topic        string
	StartTime    time.Time
	EndTime      time.Time
	Duration     time.Duration
	Participants int // how many came
}

// PastMeeting reads a session that is over by its UUID, which Meeting.UUID and
// Event.MeetingUUID have. It is ErrNotFound when there is none, when it is still running,
// or when it is more than a year ago.
//
// See
// https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/past_meetings/{meetingId}.
func (c *Client) PastMeeting(ctx context.Context, uuid string) (*PastMeeting, error) {
	const op = "get past meeting"
	path, err := sessionPath(uuid)
	if err != nil {
		return nil, invalid(op, err)
	}
	r := request{op: op, method: http.MethodGet, path: path}
	o, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	if o.String("uuid") == "" {
		return nil, unreadable(r, errors.New("no session in the answer"))
	}
	return &PastMeeting{
		MeetingID:    o.Int("id"),
		UUID:         o.String("uuid"),
		HostID:       o.String("host_id"),
		Topic:        o.String("topic"),
		StartTime:    o.Time("start_time"),
		EndTime:      o.Time("end_time"),
		Duration:     minutes(o.Int("duration")),
		Participants: int(o.Int("participants_count")),
	}, nil
}

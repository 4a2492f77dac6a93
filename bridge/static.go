package bridge

import (
	"context"
	"iter"
)

// staticRoom is a room that is always there.
type staticRoom struct{ url, number string }

// StaticRoom is a provider of last resort: one room, always the same, reached by url and
// number (either may be empty, not both). It needs no vendor and makes nothing, so
// nothing is ended either.
func StaticRoom(url, number string) Provider { return staticRoom{url: url, number: number} }

func (staticRoom) Name() string          { return "static" }
func (staticRoom) Instant() bool         { return true }
func (staticRoom) Hosts(string) []string { return []string{""} }

func (r staticRoom) Create(context.Context, string, MeetingSpec) (*Meeting, error) {
	return r.call(), nil
}

func (staticRoom) Meetings(context.Context, string) iter.Seq2[*Meeting, error] {
	return func(func(*Meeting, error) bool) {}
}

func (r staticRoom) Meeting(context.Context, string, MeetingSpec) (*Meeting, error) {
	return r.call(), nil
}
func (staticRoom) End(context.Context, string) error    { return nil }
func (staticRoom) Delete(context.Context, string) error { return nil }

func (r staticRoom) call() *Meeting {
	c := &Meeting{JoinURL: r.url}
	if r.number != "" {
		c.DialIns = []string{r.number}
	}
	return c
}

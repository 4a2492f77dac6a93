package zoom_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// kind is how an operation may come through a fault.
type kind int

const (
	create kind = iota // sent once; what is unknown afterwards is in doubt
	read               // sent again; the answer must hold something
	change             // sent again; the answer is empty
	update             // sent once; the answer is empty
	token              // sent again; the answer must hold something
)

// matrixCall is one operation of the client.
type matrixCall struct {
	op   string
	kind kind
	call func(context.Context, *zoom.Client, zoomtest.Meeting) error
}

func matrixCalls() []matrixCall {
	return []matrixCall{
		{zoomtest.GiveToken, token, func(ctx context.Context, c *zoom.Client, _ zoomtest.Meeting) error {
			return c.Authorize(ctx)
		}},
		{zoomtest.CreateMeeting, create, func(ctx context.Context, c *zoom.Client, _ zoomtest.Meeting) error {
			_, err := c.CreateMeeting(ctx, host, incident())
			return err
		}},
		{zoomtest.GetMeeting, read, func(ctx context.Context, c *zoom.Client, m zoomtest.Meeting) error {
			_, err := c.Meeting(ctx, m.ID)
			return err
		}},
		{zoomtest.ListMeetings, read, func(ctx context.Context, c *zoom.Client, _ zoomtest.Meeting) error {
			var last error
			for _, err := range c.Meetings(ctx, host) {
				last = err
			}
			return last
		}},
		{zoomtest.UpdateMeeting, update, func(ctx context.Context, c *zoom.Client, m zoomtest.Meeting) error {
			return c.UpdateMeeting(ctx, m.ID, zoom.MeetingRequest{Topic: "Checkout is back"})
		}},
		{zoomtest.EndMeeting, change, func(ctx context.Context, c *zoom.Client, m zoomtest.Meeting) error {
			return c.EndMeeting(ctx, m.ID)
		}},
		{zoomtest.DeleteMeeting, change, func(ctx context.Context, c *zoom.Client, m zoomtest.Meeting) error {
			return c.DeleteMeeting(ctx, m.ID)
		}},
		{zoomtest.GetInvitation, read, func(ctx context.Context, c *zoom.Client, m zoomtest.Meeting) error {
			_, err := c.Invitation(ctx, m.ID)
			return err
		}},
		{zoomtest.GetPastMeeting, read, func(ctx context.Context, c *zoom.Client, m zoomtest.Meeting) error {
			_, err := c.PastMeeting(ctx, m.UUID)
			return err
		}},
		{zoomtest.GetUser, read, func(ctx context.Context, c *zoom.Client, _ zoomtest.Meeting) error {
			_, err := c.User(ctx, host)
			return err
		}},
		{zoomtest.GetUserSettings, read, func(ctx context.Context, c *zoom.Client, _ zoomtest.Meeting) error {
			_, err := c.UserSettings(ctx, host)
			return err
		}},
	}
}

// outcome is what is left of a call: the reasons of its error, and how often the vendor
// was asked.
type outcome struct {
	Reasons []string
	Asked   int
}

// matrixFault is a fault and the outcome for each kind of operation.
type matrixFault struct {
	name  string
	fault zoomtest.Fault
	want  map[kind]outcome
	done  bool // the vendor did at last what was asked of it, though a create or an update may not hear of it
}

func matrixFaults() []matrixFault {
	doubt, down := []string{"ErrUnavailable", "ErrInDoubt"}, []string{"ErrUnavailable"}
	// Faults that pass: requests that may be repeated are, and no others.
	passes := map[kind]outcome{create: {doubt, 1}, update: {down, 1}, read: {nil, 2}, change: {nil, 2}, token: {nil, 2}}
	// What does not: four tries at most.
	stays := map[kind]outcome{create: {doubt, 1}, update: {down, 1}, read: {down, 4}, change: {down, 4}, token: {down, 4}}
	// An answer that cannot be read is not asked for again.
	unreadable := map[kind]outcome{
		create: {doubt, 1}, update: {down, 1}, read: {down, 1}, change: {down, 1}, token: {down, 1},
	}
	everybody := func(asked int, reasons ...string) map[kind]outcome {
		out := outcome{reasons, asked}
		return map[kind]outcome{create: out, update: out, read: out, change: out, token: out}
	}
	with := func(all map[kind]outcome, one kind, out outcome) map[kind]outcome {
		all[one] = out
		return all
	}
	limited := map[kind]outcome{
		create: {[]string{"ErrRateLimited"}, 1}, update: {[]string{"ErrRateLimited"}, 1},
		read: {nil, 2}, change: {nil, 2}, token: {nil, 2},
	}
	const page = "<!DOCTYPE html><html><body>Bad Gateway</body></html>"
	return []matrixFault{
		{"no fault", zoomtest.Delay(0), everybody(1), true},
		{"503", zoomtest.Answer(503, `{"code":503}`), passes, false},
		{"503 for good", zoomtest.Answer(503, ``).Always(), stays, false},
		{"400", zoomtest.Answer(400, `{"code":300,"message":"Validation Failed."}`), everybody(1, "ErrInvalid"), false},
		{"404 of somebody else", zoomtest.Answer(404, page), everybody(1, "none"), false},
		{"delay", zoomtest.Delay(3 * time.Second), everybody(1), true},
		{"hang", zoomtest.Hang(), passes, false},
		{"hang for good", zoomtest.Hang().Always(), map[kind]outcome{
			create: {doubt, 1}, update: {down, 1}, read: {down, 3}, change: {down, 3}, token: {down, 2},
		}, false},
		{"reset before", zoomtest.ResetBefore(), passes, false},
		{"reset after", zoomtest.ResetAfter(), passes, true},
		{"reset before for good", zoomtest.ResetBefore().Always(), stays, false},
		{"truncated", zoomtest.Truncate(), passes, true},
		{"completed late", zoomtest.Late(5 * time.Second), passes, true},
		{"completed after the client gave up", zoomtest.Late(time.Minute), passes, true},
		{"broken JSON", zoomtest.Mask(200, `{"id":1,"join_url":`), unreadable, true},
		{"HTML error page", zoomtest.Mask(502, page), passes, true},
		{"HTML page as success", zoomtest.Mask(200, page), unreadable, true},
		{"limit per second", zoomtest.Answer(429, `{"code":429}`).Header("X-RateLimit-Type", "QPS"), limited, false},
		{
			"limit per day",
			zoomtest.Answer(429, `{"code":429}`).Header("X-RateLimit-Type", "Daily-limit").Always(),
			everybody(1, "ErrRateLimited", "ErrDailyLimit"), false,
		},
		{
			"expired token", zoomtest.Answer(401, `{"code":124,"message":"Access token is expired."}`),
			with(everybody(2), token, outcome{[]string{"ErrUnauthorized"}, 1}), true,
		},
		{
			"missing scope", zoomtest.Answer(400, `{"code":4711,"message":"does not contain scopes:[a]"}`),
			everybody(1, "ErrMissingScopes"), false,
		},
	}
}

func TestEveryOperationUnderEveryFault(t *testing.T) {
	t.Parallel()
	for _, call := range matrixCalls() {
		for _, fault := range matrixFaults() {
			t.Run(call.op+"/"+fault.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { testCell(t, call, fault) })
			})
		}
	}
}

func testCell(t *testing.T, call matrixCall, fault matrixFault) {
	t.Helper()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	mustCreate(t, newClient(t, fake))
	meeting := held(t, fake)
	client := newClient(t, fake)
	if call.kind != token {
		if err := client.Authorize(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	before := len(fake.Requests(call.op))
	fake.Fault(call.op, fault.fault)

	err := call.call(t.Context(), client, meeting)
	got := outcome{reasons(err), len(fake.Requests(call.op)) - before}
	if err != nil {
		asError(t, err)
		if got.Reasons == nil {
			got.Reasons = []string{"none"}
		}
	}
	if diff := cmp.Diff(fault.want[call.kind], got); diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	<-time.After(2 * time.Minute) // what is late has come
	made, changed := len(fake.Meetings()) == 2, fake.Meetings()[0].Topic == "Checkout is back"
	if want := call.kind == create && fault.done; made != want {
		t.Errorf("a second meeting exists: %t, want %t", made, want)
	}
	if want := call.kind == update && fault.done; changed != want {
		t.Errorf("the topic was changed: %t, want %t", changed, want)
	}
}

// held lets the fake's only meeting begin and end.
func held(t *testing.T, fake *zoomtest.Server) zoomtest.Meeting {
	t.Helper()
	id := fake.Meetings()[0].ID
	for _, step := range []error{fake.Join(id, "Ada"), fake.Leave(id, "Ada")} {
		if step != nil {
			t.Fatal(step)
		}
	}
	return fake.Meetings()[0]
}

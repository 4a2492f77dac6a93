package specs_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func zoomCreates() []zoomCall {
	create := func(host string, m zoom.MeetingRequest) func(context.Context, zoomWorld) error {
		return func(ctx context.Context, w zoomWorld) error {
			_, err := w.CreateMeeting(ctx, host, m)
			return err
		}
	}
	all := zoom.MeetingRequest{
		Topic:     "#1042 Checkout is down",
		Agenda:    "incidentbridge 0123456789abcdef",
		Type:      zoom.TypeScheduled,
		StartTime: time.Date(2026, 11, 23, 7, 0, 0, 123456789, time.FixedZone("", 3600)),
		Duration:  90 * time.Minute,
		Timezone:  "Europe/Vienna",
		Password:  "Ab3-xy",

		TrackingFields: []zoom.TrackingField{{Field: "Incident", Value: "Q0K42"}},
		Settings: zoom.MeetingSettings{
			AlternativeHosts: []string{"second@example.com"},
			JoinBeforeHost:   new(true), JBHTime: new(0), WaitingRoom: new(false), UsePMI: new(false),
			MeetingAuthentication: new(false), Audio: "both", EncryptionType: "enhanced_encryption", AutoRecording: "none",
			ApprovalType: new(2), EmailNotification: new(false), AlternativeHostsEmailNotification: new(false),
			GlobalDialInCountries: []string{"US", "GB", "DE"},
		},
	}
	locked := func(_ *testing.T, w zoomWorld) {
		w.fake.AddUser("locked@example.com", func(u *zoomtest.User) {
			u.Locked = map[string]any{"waiting_room": true}
			u.UsePMI, u.PMI, u.TollFree = true, "5551234567", true
		})
	}
	kind := func(email string, change func(*zoomtest.User)) func(*testing.T, zoomWorld) {
		return func(_ *testing.T, w zoomWorld) { w.fake.AddUser(email, change) }
	}
	const c = "CreateMeeting"
	return []zoomCall{
		{method: c, outcome: "with all there is", do: create(host, all)},
		{method: c, outcome: "with nothing", do: create(host, zoom.MeetingRequest{})},
		{method: c, outcome: "of a recurring one", do: create(host, zoom.MeetingRequest{Type: zoom.TypeRecurring})},
		{method: c, outcome: "of an instant one", do: create(host, zoom.MeetingRequest{Type: zoom.TypeInstant})},
		{method: c, outcome: "under locked settings", given: locked, do: create("locked@example.com", all)},
		{
			method: c, outcome: "without dial-in", do: create("quiet@example.com", all),
			given: kind("quiet@example.com", func(u *zoomtest.User) { u.NoDialIn = true }),
		},
		{
			method: c, outcome: "after the token expired", do: create(host, all),
			given: func(_ *testing.T, w zoomWorld) { w.fake.ExpireTokens() },
		},
		{method: c, outcome: "under an unknown host", do: create("nobody+1@example.com", all), want: zoom.ErrHost},
		{
			method: c, outcome: "under a host of another account", do: create("away@example.com", all), want: zoom.ErrHost,
			given: kind("away@example.com", func(u *zoomtest.User) { u.OtherAccount = true }),
		},
		{
			method: c, outcome: "under a host who was only invited", do: create("new@example.com", all), want: zoom.ErrHost,
			given: kind("new@example.com", func(u *zoomtest.User) { u.Pending = true }),
		},
		{
			method: c, outcome: "under a host without a licence", do: create("basic@example.com", all), want: zoom.ErrHost,
			given: kind("basic@example.com", func(u *zoomtest.User) { u.Unlicensed = true }),
		},
		{
			method: c, outcome: "with a value that Zoom refuses", do: create(host, all), want: zoom.ErrInvalid,
			given: func(_ *testing.T, w zoomWorld) {
				w.fake.Fault(zoomtest.CreateMeeting, zoomtest.Answer(http.StatusBadRequest,
					`{"code":300,"message":"Validation Failed.","errors":[{"field":"settings.jbh_time","message":"Invalid field."}]}`))
			},
		},
		{
			method: c, outcome: "above the host's hundred", do: create(host, all), want: zoom.ErrDailyLimit,
			given: func(t *testing.T, w zoomWorld) {
				for range 99 {
					if _, err := w.CreateMeeting(t.Context(), host, zoom.MeetingRequest{}); err != nil {
						t.Fatal(err)
					}
				}
			},
		},
		{
			method: c, outcome: "whose answer is lost", do: create(host, all), want: zoom.ErrInDoubt,
			given: func(_ *testing.T, w zoomWorld) { w.fake.Fault(zoomtest.CreateMeeting, zoomtest.ResetAfter()) },
		},
	}
}

func zoomReads() []zoomCall {
	list := func(host string) func(context.Context, zoomWorld) error {
		return func(ctx context.Context, w zoomWorld) error {
			for _, err := range w.Meetings(ctx, host) {
				if err != nil {
					return err
				}
			}
			return nil
		}
	}
	read := func(ctx context.Context, w zoomWorld) error {
		_, err := w.Meeting(ctx, w.meeting)
		return err
	}
	authorize := func(ctx context.Context, w zoomWorld) error {
		fresh, err := zoom.NewClient(zoom.ServerToServer(w.fake.AccountCredentials()), zoom.WithTransport(w.transport))
		if err != nil {
			return err
		}
		return fresh.Authorize(ctx)
	}
	return []zoomCall{
		{method: "Authorize", outcome: "with good credentials", do: authorize},
		{
			method: "Authorize", outcome: "with credentials that are refused", do: authorize, want: zoom.ErrCredentials,
			given: func(_ *testing.T, w zoomWorld) {
				w.fake.Fault(zoomtest.GiveToken, zoomtest.Answer(http.StatusBadRequest,
					`{"reason":"Invalid client_id or client_secret","error":"invalid_client"}`))
			},
		},
		{method: "Meeting", outcome: "that is waiting", do: read},
		{
			method: "Meeting", outcome: "that runs", do: read,
			given: func(t *testing.T, w zoomWorld) { must(t, w.fake.Start(w.meeting)) },
		},
		{
			method: "Meeting", outcome: "that is gone", do: read, want: zoom.ErrNotFound,
			given: func(t *testing.T, w zoomWorld) { must(t, w.DeleteMeeting(t.Context(), w.meeting)) },
		},
		{
			method: "Meeting", outcome: "after a second try", do: read,
			given: func(_ *testing.T, w zoomWorld) {
				w.fake.Fault(zoomtest.GetMeeting, zoomtest.ResetBefore(), zoomtest.ResetAfter(), zoomtest.Truncate())
			},
		},
		{method: "Meetings", outcome: "of a host", do: list(host)},
		{method: "Meetings", outcome: "of a host who has none", do: list("none@example.com"), given: func(_ *testing.T, w zoomWorld) {
			w.fake.AddUser("none@example.com")
		}},
		{method: "Meetings", outcome: "of an unknown host", do: list("nobody@example.com"), want: zoom.ErrHost},
	}
}

func zoomWrites() []zoomCall {
	end := func(ctx context.Context, w zoomWorld) error { return w.EndMeeting(ctx, w.meeting) }
	remove := func(ctx context.Context, w zoomWorld) error { return w.DeleteMeeting(ctx, w.meeting) }
	started := func(t *testing.T, w zoomWorld) { must(t, w.fake.Start(w.meeting)) }
	tooMany := func(op string) func(*testing.T, zoomWorld) {
		return func(_ *testing.T, w zoomWorld) {
			body := `{"code":429,"message":"You have reached the maximum daily rate limit for this API."}`
			w.fake.Fault(op, zoomtest.Answer(http.StatusTooManyRequests, body).
				Header("X-RateLimit-Type", "Daily-limit").Header("Retry-After", "2026-11-24T00:00:00Z"))
		}
	}
	return []zoomCall{
		{method: "EndMeeting", outcome: "that runs", given: started, do: end},
		{method: "EndMeeting", outcome: "that is idle", do: end},
		{method: "EndMeeting", outcome: "above a limit", given: tooMany(zoomtest.EndMeeting), do: end, want: zoom.ErrRateLimited},
		{method: "DeleteMeeting", outcome: "that is waiting", do: remove},
		{method: "DeleteMeeting", outcome: "that runs", given: started, do: remove, want: zoom.ErrMeetingInProgress},
		{method: "DeleteMeeting", outcome: "above a limit", given: tooMany(zoomtest.DeleteMeeting), do: remove, want: zoom.ErrRateLimited},
	}
}

func zoomRest() []zoomCall {
	update := func(m zoom.MeetingRequest) func(context.Context, zoomWorld) error {
		return func(ctx context.Context, w zoomWorld) error { return w.UpdateMeeting(ctx, w.meeting, m) }
	}
	invitation := func(ctx context.Context, w zoomWorld) error {
		_, err := w.Invitation(ctx, w.meeting)
		return err
	}
	user := func(name string) func(context.Context, zoomWorld) error {
		return func(ctx context.Context, w zoomWorld) error {
			_, err := w.User(ctx, name)
			return err
		}
	}
	settings := func(name string) func(context.Context, zoomWorld) error {
		return func(ctx context.Context, w zoomWorld) error {
			_, err := w.UserSettings(ctx, name)
			return err
		}
	}
	past := func(ctx context.Context, w zoomWorld) error {
		_, err := w.PastMeeting(ctx, w.fake.Meetings()[0].UUID)
		return err
	}
	gone := func(t *testing.T, w zoomWorld) { must(t, w.DeleteMeeting(t.Context(), w.meeting)) }
	over := func(t *testing.T, w zoomWorld) {
		must(t, w.fake.Start(w.meeting))
		must(t, w.fake.End(w.meeting))
	}
	renamed := zoom.MeetingRequest{Topic: "#1042 Checkout is back", Settings: zoom.MeetingSettings{WaitingRoom: new(false)}}
	return []zoomCall{
		{method: "UpdateMeeting", outcome: "that is there", do: update(renamed)},
		{method: "UpdateMeeting", outcome: "that is gone", do: update(renamed), given: gone, want: zoom.ErrNotFound},
		{method: "Invitation", outcome: "to one that is there", do: invitation},
		{method: "Invitation", outcome: "to one that is gone", do: invitation, given: gone, want: zoom.ErrNotFound},
		{method: "User", outcome: "of this account", do: user(host)},
		{method: "User", outcome: "that is unknown", do: user("nobody@example.com"), want: zoom.ErrHost},
		{method: "UserSettings", outcome: "of a host", do: settings(host)},
		{method: "UserSettings", outcome: "of nobody", do: settings("nobody@example.com"), want: zoom.ErrHost},
		{method: "PastMeeting", outcome: "that is over", do: past, given: over},
		{method: "PastMeeting", outcome: "that never began", do: past, want: zoom.ErrNotFound},
	}
}

// zoomLimits are what the fake refuses of its own accord. The meeting that is there was
// the first call.
func zoomLimits() []zoomCall {
	read := func(ctx context.Context, w zoomWorld) error {
		_, err := w.Meeting(ctx, w.meeting)
		return err
	}
	oneMore := func(ctx context.Context, w zoomWorld) error {
		_, err := w.CreateMeeting(ctx, host, zoom.MeetingRequest{})
		return err
	}
	inASecond := func(time.Time) string { return "1" }
	perSecond := []zoomtest.Option{zoomtest.WithRateLimit(1), zoomtest.WithRetryAfter(inASecond)}
	perDay := []zoomtest.Option{zoomtest.WithDailyCalls(1)}
	writes := []zoomtest.Option{zoomtest.WithScopes("meeting:write:meeting:admin")}
	regional := []zoomtest.Option{zoomtest.WithAPIURL("https://api.zoom.us/")}
	return []zoomCall{
		{method: "Meeting", outcome: "above the limit of a second", fake: perSecond, do: read},
		{method: "CreateMeeting", outcome: "above the limit of a second", fake: perSecond, do: oneMore, want: zoom.ErrRateLimited},
		{method: "Meeting", outcome: "above the limit of a day", fake: perDay, do: read, want: zoom.ErrDailyLimit},
		{method: "Meeting", outcome: "without the scope", fake: writes, do: read, want: zoom.ErrMissingScopes},
		{method: "Meeting", outcome: "at the host that the token names", fake: regional, do: read},
	}
}

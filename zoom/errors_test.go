package zoom_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func TestErrorText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fault zoomtest.Fault
		want  zoom.Error
		text  string
	}{
		{
			"fields",
			zoomtest.Answer(400, `{"code":300,"message":"Validation Failed.",`+
				`"errors":[{"field":"settings.jbh_time","message":"Invalid field."}]}`).Header("x-zm-trackingid", "WEB_1"),
			zoom.Error{
				Op: "create meeting", StatusCode: 400, Code: 300, TrackingID: "WEB_1",
				Message: "Validation Failed. [settings.jbh_time: Invalid field.]",
			},
			"zoom: create meeting: HTTP 400 code 300: Validation Failed. [settings.jbh_time: Invalid field.]: " +
				"invalid request (tracking id WEB_1)",
		},
		{
			"error_message, code as text",
			zoomtest.Answer(404, `{"code":"1001","error_message":"User does not exist:\r\n x."}`),
			zoom.Error{Op: "create meeting", StatusCode: 404, Code: 1001, Message: "User does not exist: x."},
			"zoom: create meeting: HTTP 404 code 1001: User does not exist: x.: user cannot host meetings",
		},
		{
			"scopes",
			zoomtest.Answer(400, `{"code":4711,"message":"Invalid access token, does not contain `+
				`scopes:[meeting:write:meeting, meeting:write:meeting:admin]."}`),
			zoom.Error{
				Op: "create meeting", StatusCode: 400, Code: 4711,
				Message: "Invalid access token, does not contain scopes:[meeting:write:meeting, meeting:write:meeting:admin].",
				Scopes:  []string{"meeting:write:meeting", "meeting:write:meeting:admin"},
			},
			"zoom: create meeting: HTTP 400 code 4711: Invalid access token, does not contain " +
				"scopes:[meeting:write:meeting, meeting:write:meeting:admin].: token lacks scopes: add them to the Zoom app",
		},
		{
			"scopes under 401: no refresh",
			zoomtest.Answer(401, `{"code":4711,"message":"does not contain scopes:[a]"}`),
			zoom.Error{
				Op: "create meeting", StatusCode: 401, Code: 4711,
				Message: "does not contain scopes:[a]", Scopes: []string{"a"},
			},
			"zoom: create meeting: HTTP 401 code 4711: does not contain scopes:[a]: token lacks scopes: " +
				"add them to the Zoom app",
		},
		{
			"a page of somebody else",
			zoomtest.Answer(403, `<html>Blocked</html>`),
			zoom.Error{Op: "create meeting", StatusCode: 403},
			"zoom: create meeting: HTTP 403",
		},
		{
			"wait in seconds",
			zoomtest.Answer(429, `{"code":429}`).Header("Retry-After", "90"),
			zoom.Error{Op: "create meeting", StatusCode: 429, Code: 429, RetryAfter: 90 * time.Second},
			"zoom: create meeting: HTTP 429 code 429: rate limited",
		},
		{
			"wait until a date, as daily limits have it", // synctest begins in 2000
			zoomtest.Answer(429, `{}`).Header("Retry-After", "2000-01-02T00:00:00Z").Header("X-RateLimit-Type", "Daily-limit"),
			zoom.Error{Op: "create meeting", StatusCode: 429, RetryAfter: 24 * time.Hour},
			"zoom: create meeting: HTTP 429: daily limit reached until 00:00 UTC: rate limited",
		},
		{
			"5xx",
			zoomtest.Answer(502, ``),
			zoom.Error{Op: "create meeting", StatusCode: 502},
			"zoom: create meeting: HTTP 502: outcome of create unknown: no usable answer from Zoom",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := zoomtest.New(zoomtest.WithUsers(host))
				fake.Fault(zoomtest.CreateMeeting, test.fault)
				_, err := newClient(t, fake).CreateMeeting(t.Context(), host, incident())
				got := asError(t, err)
				if diff := cmp.Diff(test.want, *got, cmpopts.IgnoreFields(zoom.Error{}, "Err")); diff != "" {
					t.Errorf("error (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(test.text, got.Error()); diff != "" {
					t.Errorf("text (-want +got):\n%s", diff)
				}
				if tokens := len(fake.Requests(zoomtest.GiveToken)); tokens != 1 {
					t.Errorf("%d tokens were asked for, want 1", tokens)
				}
			})
		})
	}
}

// The rows of zoom-api.md 6, and the codes of Zoom's OAuth page that the API may answer
// with.
func TestEveryDocumentedErrorHasItsReason(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status, code int
		message      string
		want         []string
	}{
		{401, 124, "Invalid access token.", []string{"ErrUnauthorized"}},
		{400, 4711, "Invalid access token, does not contain scopes:[a].", []string{"ErrMissingScopes"}},
		{401, 4711, "Invalid access token, does not contain scopes:[a].", []string{"ErrMissingScopes"}},
		{403, 4711, "Invalid access token, does not contain scopes:[a].", []string{"ErrMissingScopes"}},
		{400, 4700, "Token cannot be empty.", []string{"ErrMissingScopes"}},
		{400, 200, "Invalid access token, does not contain scopes:[a].", []string{"ErrMissingScopes"}},
		{400, 201, "Invalid access token, does not contain scopes:[a].", []string{"ErrMissingScopes"}},
		{400, 200, "Only available for paid account: x.", []string{"ErrPlan"}},
		{400, 300, "Validation Failed.", []string{"ErrInvalid"}},
		{404, 1001, "User does not exist: x.", []string{"ErrHost"}},
		{400, 1010, "User does not belong to this account: x.", []string{"ErrHost"}},
		{401, 1010, "User does not belong to this account: x.", []string{"ErrHost"}},
		{400, 1120, "A valid invitation was not found for this user.", []string{"ErrHost"}},
		{400, 3161, "Meeting hosting is not allowed for your user account.", []string{"ErrHost"}},
		{400, 3000, "Users have been blocked from joining meetings.", []string{"ErrForbidden"}},
		{400, 3003, "You are not the meeting host.", []string{"ErrForbidden"}},
		{400, 3018, "Not allowed to delete PMI.", []string{"ErrForbidden"}},
		{400, 3037, "Not allowed to delete PAC.", []string{"ErrForbidden"}},
		{400, 3063, "Can not end on-premise user's meeting.", []string{"ErrForbidden"}},
		{404, 3001, "Meeting does not exist: 1.", []string{"ErrNotFound"}},
		{400, 12702, "Can not access a meeting a year ago.", []string{"ErrNotFound"}},
		{400, 3002, "Sorry, you cannot delete this meeting since it's in progress.", []string{"ErrMeetingInProgress"}},
		{404, 1500, "No such route.", nil},
		{429, 429, "You have reached the maximum per-second rate limit.", []string{"ErrRateLimited"}},
		{429, 429, "Too many concurrent requests.", []string{"ErrRateLimited"}},
		{429, 429, "You have reached the maximum daily rate limit.", []string{"ErrRateLimited", "ErrDailyLimit"}},
		{
			429, 429, "A maximum of 100 meetings can be created/updated for a single user in one day.",
			[]string{"ErrRateLimited", "ErrDailyLimit"},
		},
		{401, 4717, "The app has been disabled.", []string{"ErrUnauthorized"}},
		{401, 4735, "The owner of the token does not exist.", []string{"ErrUnauthorized"}},
		{401, 4738, "The app has been disabled by the admin.", []string{"ErrUnauthorized"}},
		{401, 4741, "The token has been revoked.", []string{"ErrUnauthorized"}},
		{408, 0, "", []string{"ErrUnavailable"}},
		{500, 300, "", []string{"ErrUnavailable"}},
		{503, 3001, "", []string{"ErrUnavailable"}},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%d %d %s", test.status, test.code, test.message), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := zoomtest.New(zoomtest.WithUsers(host))
				body := zoomtest.ErrorBody(test.code, test.message)
				fake.Fault(zoomtest.GetMeeting, zoomtest.Answer(test.status, body).Always())
				_, err := newClient(t, fake).Meeting(t.Context(), 1)
				if diff := cmp.Diff(test.want, reasons(err)); diff != "" {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
				if got := asError(t, err); got.StatusCode != test.status || got.Code != test.code {
					t.Errorf("status %d and code %d, want %d and %d", got.StatusCode, got.Code, test.status, test.code)
				}
				renewed := len(fake.Requests(zoomtest.GiveToken)) - 1
				if want := test.code == 124; (renewed == 1) != want {
					t.Errorf("the token was renewed %d times", renewed)
				}
			})
		})
	}
}

func TestMessagesAreShortAndOnOneLine(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New()
	long := strings.Repeat("é\\n\\u0007", 1000)
	fake.Fault(zoomtest.GetMeeting, zoomtest.Answer(400, `{"code":300,"message":"`+long+`"}`))
	_, err := newClient(t, fake).Meeting(t.Context(), 1)
	message := asError(t, err).Message
	if len(message) > 410 || strings.ContainsAny(message, "\n\a") {
		t.Errorf("message of %d bytes: %q", len(message), message)
	}
}

// What a create answers with is full of secrets, and none may get into a log.
func TestNothingSecretIsPrinted(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	client := newClient(t, fake)
	meeting := mustCreate(t, client)
	_, _, secret := fake.AccountCredentials()
	credentials := zoom.ServerToServer(fake.AccountCredentials())
	bearer := strings.TrimPrefix(fake.Requests(zoomtest.CreateMeeting)[0].Header.Get("Authorization"), "Bearer ")

	var log strings.Builder
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.Info("made", "meeting", meeting, "value", *meeting, "password", meeting.Password)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{
			meeting, *meeting, meeting.Password, meeting.PhonePassword, credentials,
			[]zoom.Meeting{*meeting},
			struct{ M *zoom.Meeting }{meeting},
		} {
			fmt.Fprintf(&log, verb+"\n", value)
		}
	}
	fmt.Fprintf(&log, "%v %+v %#v", client, client, client)
	hexadecimal := fmt.Sprintf("%x", string(meeting.Password))
	for name, leaked := range map[string]string{
		"join link": meeting.JoinURL, "passcode": string(meeting.Password), "passcode in hex": hexadecimal,
		"phone passcode": string(meeting.PhonePassword), "client secret": secret, "token": bearer, "start link": "START-SECRET",
	} {
		if strings.Contains(log.String(), leaked) {
			t.Errorf("the %s is printed", name)
		}
	}
	if !strings.Contains(log.String(), fmt.Sprint(meeting.ID)) {
		t.Error("the meeting id is not printed")
	}
}

func TestSentinelsCarryThePrefixAndErrorsHaveItOnce(t *testing.T) {
	t.Parallel()
	for _, sentinel := range sentinels() {
		if !strings.HasPrefix(sentinel.Error(), "zoom: ") {
			t.Errorf("%q has no prefix", sentinel)
		}
		err := &zoom.Error{Op: "create meeting", Err: fmt.Errorf("%w: %w", zoom.ErrInDoubt, sentinel)}
		if text := err.Error(); strings.Count(text, "zoom: ") != 1 || !strings.HasPrefix(text, "zoom: create meeting: ") {
			t.Errorf("%q, want the prefix once", text)
		}
	}
}

func sentinels() []error {
	return []error{
		zoom.ErrUnauthorized, zoom.ErrCredentials, zoom.ErrGrant, zoom.ErrMissingScopes, zoom.ErrHost, zoom.ErrNotFound,
		zoom.ErrInvalid, zoom.ErrPlan, zoom.ErrForbidden, zoom.ErrMeetingInProgress, zoom.ErrRateLimited, zoom.ErrDailyLimit,
		zoom.ErrUnavailable, zoom.ErrInDoubt,
	}
}

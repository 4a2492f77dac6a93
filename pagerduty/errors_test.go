package pagerduty_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

// failingRead answers a read with the fault and returns the error.
func failingRead(t *testing.T, fault pagerdutytest.Fault) *pagerduty.Error {
	t.Helper()
	fake := pagerdutytest.New()
	fake.Fault(pagerdutytest.GetIncident, fault.Always())
	_, err := newClient(t, fake).Incident(t.Context(), "P1")
	var typed *pagerduty.Error
	if !errors.As(err, &typed) {
		t.Fatalf("error %v, want an *Error", err)
	}
	return typed
}

func TestErrorReadsEveryBody(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		body    string
		code    int
		message string
		details []string
	}{
		{
			"normal", `{"error":{"message":"Invalid Input Provided","code":2001,"errors":["One","Two"]}}`,
			2001, "Invalid Input Provided",
			[]string{"One", "Two"},
		},
		{"errors absent", `{"error":{"message":"No","code":2010}}`, 2010, "No", nil},
		{"errors null", `{"error":{"message":"No","code":2010,"errors":null}}`, 2010, "No", nil},
		{"errors a text", `{"error":{"message":"No","code":2001,"errors":"One"}}`, 2001, "No", []string{"One"}},
		{
			"errors an object", `{"error":{"message":"No","code":2001,"errors":{"incident.b":["Two"],"incident.a":["One"]}}}`,
			2001, "No",
			[]string{"incident.a: One", "incident.b: Two"},
		},
		{"error a list", `{"error":["One","Two"]}`, 0, "One", []string{"Two"}},
		{"error a text", `{"error":"Use a user's token"}`, 0, "Use a user's token", nil},
		{"no error", `{"message":"No","code":2001,"errors":["One"]}`, 2001, "No", []string{"One"}},
		{"code a text", `{"error":{"message":"No","code":"2001"}}`, 2001, "No", nil},
		{"code no number", `{"error":{"message":"No","code":{}}}`, 0, "No", nil},
		{"HTML", pagerdutytest.HTMLPage, 0, "", nil},
		{"nothing", ``, 0, "", nil},
		{"null", `null`, 0, "", nil},
		{"half", `{"error":{"message":"N`, 0, "", nil},
		{"control characters", `{"error":"a\u0000b\r\nc\u001b[31m"}`, 0, "a b c [31m", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := failingRead(t, pagerdutytest.Answer(400, tt.body))
			want := &pagerduty.Error{
				Op: "get incident", IncidentID: "P1", StatusCode: 400,
				Code: tt.code, Message: tt.message, Details: tt.details,
			}
			got.Err = nil
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestErrorIsToldInEveryShape(t *testing.T) {
	t.Parallel()
	for _, shape := range pagerdutytest.ErrorShapes() {
		fake := pagerdutytest.New(pagerdutytest.WithErrorShape(shape), pagerdutytest.WithNumberCheck(pagerdutytest.NoStar))
		id := fake.AddIncident("down")
		client := newClient(t, fake)
		_, errFound := client.Incident(t.Context(), "PNONE")
		checkError(t, errFound, []error{pagerduty.ErrNotFound}, []error{pagerduty.ErrUnavailable})
		_, errWritten := client.SetConferenceBridge(t.Context(), id, someBridge)
		checkError(t, errWritten, []error{pagerduty.ErrInvalid}, []error{pagerduty.ErrUnavailable, pagerduty.ErrInDoubt})
		// A text alone and a page do not name the number.
		worded := shape != pagerdutytest.ErrorText && shape != pagerdutytest.ErrorHTML
		if got := errors.Is(errWritten, pagerduty.ErrNumber); got != worded {
			t.Errorf("shape %d: number refused: %t, want %t: %v", shape, got, worded, errWritten)
		}
	}
}

func TestErrorIsWhatPagerDutyMeans(t *testing.T) {
	t.Parallel()
	all := []error{
		pagerduty.ErrUnauthorized, pagerduty.ErrForbidden, pagerduty.ErrNotFound, pagerduty.ErrInvalid,
		pagerduty.ErrNumber, pagerduty.ErrPlan, pagerduty.ErrRequester, pagerduty.ErrResolved,
		pagerduty.ErrRateLimited, pagerduty.ErrUnavailable, pagerduty.ErrInDoubt, pagerduty.ErrConflict,
		pagerduty.ErrLimit, pagerduty.ErrCredentials, pagerduty.ErrMissingScopes, pagerduty.ErrNoUser,
		pagerduty.ErrNotCleared, pagerduty.ErrGrant,
	}
	tests := []struct {
		name   string
		status int
		code   int
		text   string
		want   []error
	}{
		{"key refused", 401, 2006, "Authentication failed", []error{pagerduty.ErrUnauthorized}},
		{"key refused without a word", 401, 0, "", []error{pagerduty.ErrUnauthorized}},
		{"access denied", 403, 2010, "Access Denied", []error{pagerduty.ErrForbidden}},
		{"forbidden without a word", 403, 0, "", []error{pagerduty.ErrForbidden}},
		{"requester has no right", 400, 1018, "Requester Not Authorized", []error{pagerduty.ErrForbidden}},
		{"access lost after resolve", 400, 2018, "", []error{pagerduty.ErrForbidden, pagerduty.ErrResolved}},
		{"changed meanwhile", 400, 1005, "Data updated since last request", []error{pagerduty.ErrConflict}},
		{"changed meanwhile, without a word", 409, 0, "", []error{pagerduty.ErrConflict}},
		{"product limit", 400, 2019, "Product limit reached", []error{pagerduty.ErrLimit}},
		{"internal, told as a 400", 400, 2000, "Internal Error", []error{pagerduty.ErrUnavailable}},
		{"timeout, told as a 400", 400, 2016, "Took Too Long", []error{pagerduty.ErrUnavailable}},
		{"no such incident", 404, 5001, "Incident Not Found", []error{pagerduty.ErrNotFound}},
		{"not found", 404, 2100, "Not Found", []error{pagerduty.ErrNotFound}},
		{"not found without a word", 404, 0, "", []error{pagerduty.ErrNotFound}},
		{"invalid", 400, 2001, "Invalid Input Provided", []error{pagerduty.ErrInvalid}},
		{"invalid id", 400, 1004, "Invalid ID", []error{pagerduty.ErrInvalid}},
		{"too large", 413, 0, "", []error{pagerduty.ErrInvalid}},
		{"number", 400, 2001, "Conference number is invalid", []error{pagerduty.ErrInvalid, pagerduty.ErrNumber}},
		{"number by field", 400, 2001, "conference_number: bad", []error{pagerduty.ErrInvalid, pagerduty.ErrNumber}},
		{"plan", 402, 2014, "Missing ability", []error{pagerduty.ErrPlan}},
		{"plan without a word", 402, 0, "", []error{pagerduty.ErrPlan}},
		{"account expired", 403, 2012, "Account Expired", []error{pagerduty.ErrPlan}},
		{"requester unknown", 400, 1008, "Requester Not Found", []error{pagerduty.ErrRequester}},
		{"requester unknown as invalid", 400, 2001, "Requester User Not Found", []error{pagerduty.ErrRequester}},
		{"requester missing", 400, 2011, "", []error{pagerduty.ErrRequester}},
		{"resolved", 400, 1001, "Incident Already Resolved", []error{pagerduty.ErrResolved}},
		{"rate limit", 429, 2020, "Rate Limit Exceeded", []error{pagerduty.ErrRateLimited}},
		{"rate limit without a word", 429, 0, "", []error{pagerduty.ErrRateLimited}},
		{"timeout", 408, 2016, "Took Too Long", []error{pagerduty.ErrUnavailable}},
		{"internal", 500, 2000, "Internal Error", []error{pagerduty.ErrUnavailable}},
		{"bad gateway", 502, 0, "", []error{pagerduty.ErrUnavailable}},
		{"not there", 501, 1001, "", []error{pagerduty.ErrUnavailable}},
		{"redirect", 302, 0, "", []error{pagerduty.ErrUnavailable}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				err := failingRead(t, pagerdutytest.Answer(tt.status, pagerdutytest.ErrorBody(tt.code, tt.text)))
				for _, sentinel := range all {
					want := false
					for _, w := range tt.want {
						want = want || w == sentinel //nolint:errorlint // the sentinels themselves
					}
					if got := errors.Is(err, sentinel); got != want {
						t.Errorf("is %q: %t, want %t", sentinel, got, want)
					}
				}
			})
		})
	}
}

func TestErrorTellsHowLongToWait(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fault pagerdutytest.Fault
		want  time.Duration
	}{
		{"reset in seconds", silent429().Header("ratelimit-reset", "37"), 37 * time.Second},
		{"reset now", silent429().Header("ratelimit-reset", "0"), 0},
		{"retry-after wins", silent429().Header("ratelimit-reset", "37").Header("Retry-After", "50"), 50 * time.Second},
		{"no header at all", silent429(), 10 * time.Second},
		{"header of nonsense", silent429().Header("ratelimit-reset", "soon"), 10 * time.Second},
		{"reset of a 503 is not for us", pagerdutytest.Answer(503, "").Header("ratelimit-reset", "37"), 0},
		{"retry-after of a 503", pagerdutytest.Answer(503, "").Header("Retry-After", "20"), 20 * time.Second},
		{"reset of a 404 is not for us", pagerdutytest.Answer(404, "").Header("ratelimit-reset", "37"), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if got := failingRead(t, tt.fault).RetryAfter; got != tt.want {
					t.Errorf("RetryAfter %s, want %s", got, tt.want)
				}
			})
		})
	}
}

func TestErrorOfAContextStaysVisible(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		ctx         func(context.Context) (context.Context, context.CancelFunc)
		want        error
		unavailable bool
		calls       int
	}{
		{
			"cancelled before", func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				cancel()
				return ctx, cancel
			}, context.Canceled, false, 0,
		},
		{
			"cancelled during", func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(time.Second, cancel)
				return ctx, cancel
			}, context.Canceled, false, 1,
		},
		{
			"deadline", func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, time.Second)
			}, context.DeadlineExceeded, true, 1,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := pagerdutytest.New()
				fake.Fault(pagerdutytest.Any, pagerdutytest.Hang().Always())
				ctx, cancel := tt.ctx(t.Context())
				defer cancel()
				_, err := newClient(t, fake).Incident(ctx, "P1")
				if !errors.Is(err, tt.want) {
					t.Errorf("error %v, want %v", err, tt.want)
				}
				if got := errors.Is(err, pagerduty.ErrUnavailable); got != tt.unavailable {
					t.Errorf("unavailable %t, want %t: %v", got, tt.unavailable, err)
				}
				if got := len(fake.Requests()); got != tt.calls {
					t.Errorf("%d calls, want %d", got, tt.calls)
				}
			})
		})
	}
}

func TestErrorCarriesNoSecret(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	calendar := "webcal://example.pagerduty.com/private/abcdef/feed"
	body := pagerdutytest.ErrorBody(
		2001, "key "+fake.Key()+" may not write "+someBridge.URL, "number "+someBridge.DialIn+" is bad", "see "+calendar, "no user ada@example.com")
	fake.Fault(pagerdutytest.Any, pagerdutytest.Answer(400, body).Always())
	client := newClient(t, fake)

	_, errWrite := client.SetConferenceBridge(t.Context(), "P1", someBridge)
	_, errFind := client.UserByEmail(t.Context(), "ada@example.com")
	for _, tt := range []struct {
		err     error
		secrets []string
	}{
		{errWrite, []string{fake.Key(), "private/abcdef", "98765432101", "pwd=Abc"}},
		{errFind, []string{fake.Key(), "private/abcdef", "pwd=Abc", "ada@example.com"}},
	} {
		if !errors.Is(tt.err, pagerduty.ErrInvalid) {
			t.Errorf("error %v, want PagerDuty's refusal", tt.err)
			continue
		}
		for _, secret := range tt.secrets {
			if strings.Contains(tt.err.Error(), secret) {
				t.Errorf("error shows %q: %v", secret, tt.err)
			}
		}
	}
}

func TestErrorIsShort(t *testing.T) {
	t.Parallel()
	reasons := make([]string, 1000)
	for i := range reasons {
		reasons[i] = strings.Repeat("é", 1000)
	}
	err := failingRead(t, pagerdutytest.Answer(400, pagerdutytest.ErrorBody(2001, strings.Repeat("x", 100_000), reasons...)))
	if got := len(err.Error()); got > 5000 {
		t.Errorf("text of %d bytes, want a short one", got)
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	fake.Fault(pagerdutytest.AddNote, pagerdutytest.Answer(502, pagerdutytest.HTMLPage))
	err := newClient(t, fake).AddNote(t.Context(), "P1", "hello")
	want := "pagerduty: add note of P1: HTTP 502: outcome of write unknown: no usable answer from PagerDuty"
	if err == nil || err.Error() != want {
		t.Errorf("error\n%v\nwant\n%s", err, want)
	}
}

func TestSentinelsCarryThePrefixAndErrorsHaveItOnce(t *testing.T) {
	t.Parallel()
	for _, sentinel := range sentinels() {
		if !strings.HasPrefix(sentinel.Error(), "pagerduty: ") {
			t.Errorf("%q has no prefix", sentinel)
		}
		err := &pagerduty.Error{Op: "add note", Err: fmt.Errorf("%w: %w", pagerduty.ErrInDoubt, sentinel)}
		if text := err.Error(); strings.Count(text, "pagerduty: ") != 1 || !strings.HasPrefix(text, "pagerduty: add note: ") {
			t.Errorf("%q, want the prefix once", text)
		}
	}
}

func sentinels() []error {
	return []error{
		pagerduty.ErrUnauthorized, pagerduty.ErrCredentials, pagerduty.ErrGrant, pagerduty.ErrMissingScopes, pagerduty.ErrForbidden,
		pagerduty.ErrNotFound, pagerduty.ErrInvalid, pagerduty.ErrNumber, pagerduty.ErrPlan, pagerduty.ErrRequester,
		pagerduty.ErrNoUser, pagerduty.ErrResolved, pagerduty.ErrConflict, pagerduty.ErrLimit, pagerduty.ErrNotCleared,
		pagerduty.ErrRateLimited, pagerduty.ErrUnavailable, pagerduty.ErrInDoubt,
	}
}

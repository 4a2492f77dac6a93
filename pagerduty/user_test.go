package pagerduty_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

func TestUserIsReadWithoutItsCalendar(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddUser("ada@example.com", func(u *pagerdutytest.User) {
		u.Name = "Ada"
		u.Role = "limited_user"
		u.Teams = []pagerduty.Reference{{ID: "PTEAM1", Type: "team_reference", Summary: "Platform"}}
	})
	got, err := newClient(t, fake).User(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	want := &pagerduty.User{
		ID: id, Name: "Ada", Email: "ada@example.com", Role: "limited_user",
		Teams:   []pagerduty.Reference{{ID: "PTEAM1", Type: "team_reference", Summary: "Platform"}},
		HTMLURL: "https://example.pagerduty.com/users/" + id,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("user (-want +got):\n%s", diff)
	}
	if text := fmt.Sprintf("%+v", got); strings.Contains(text, "calendar") {
		t.Errorf("user prints its calendar: %s", text)
	}
}

func TestUserErrors(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	client := newClient(t, fake)
	_, err := client.User(t.Context(), "PNOBODY")
	checkError(t, err, []error{pagerduty.ErrNotFound}, []error{pagerduty.ErrInDoubt})

	fake.Fault(pagerdutytest.GetUser, pagerdutytest.Answer(200, `{"user":{"name":"Ada"}}`))
	_, err = client.User(t.Context(), "PNOID")
	checkError(t, err, []error{pagerduty.ErrUnavailable}, nil)
}

func TestUserByEmail(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	fake.AddUser("not-ada@example.com")
	fake.AddUser("ada@example.com.evil.example")
	for i := range 250 { // two pages and a half that match as well
		fake.AddUser(fmt.Sprintf("%d.ada@example.com", i))
	}
	fake.AddUser("eve@example.com", func(u *pagerdutytest.User) { u.Name = "ada@example.com" })
	id := fake.AddUser("Ada@Example.com")

	tests := []struct {
		name, email string
		want        string
		is          error
		calls       int
	}{
		{"on the last page, in another case", "ada@example.com", id, nil, 3},
		{"plus address", "a+b@example.com", "", pagerduty.ErrNotFound, 1},
		{"nobody", "nobody@example.com", "", pagerduty.ErrNotFound, 1},
		{"part of an address", "da@example.com", "", pagerduty.ErrNotFound, 3},
		{"no address", "ada", "", pagerduty.ErrInvalid, 0},
		{"nothing", "", "", pagerduty.ErrInvalid, 0},
		{"line break", "ada@example.com\r\nX: y", "", pagerduty.ErrInvalid, 0},
		{"another parameter", "ada@example.com&limit=1", "", pagerduty.ErrNotFound, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { // one after the other: the rows count calls
			before := len(fake.Requests())
			got, err := newClient(t, fake).UserByEmail(t.Context(), tt.email)
			if !errors.Is(err, tt.is) {
				t.Fatalf("error %v, want %v", err, tt.is)
			}
			if tt.is == nil && got.ID != tt.want {
				t.Errorf("user %s, want %s", got.ID, tt.want)
			}
			if calls := len(fake.Requests()) - before; calls != tt.calls {
				t.Errorf("%d calls, want %d", calls, tt.calls)
			}
		})
	}
}

func TestUserByEmailEndsWhateverThePagesSay(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	fake.Fault(pagerdutytest.ListUsers, pagerdutytest.Answer(200, `{"users":[{"id":"P1"},null,7],"more":true}`).Always())
	_, err := newClient(t, fake).UserByEmail(t.Context(), "ada@example.com")
	if !errors.Is(err, pagerduty.ErrNotFound) {
		t.Errorf("error %v, want ErrNotFound", err)
	}
	if calls := len(fake.Requests()); calls != 100 {
		t.Errorf("%d calls, want the 100 that PagerDuty's paging allows", calls)
	}
	fake.ClearFaults()
	fake.Fault(pagerdutytest.ListUsers, pagerdutytest.Answer(200, `{}`))
	_, err = newClient(t, fake).UserByEmail(t.Context(), "ada@example.com")
	if !errors.Is(err, pagerduty.ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
}

func TestCurrentUser(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	got, err := s.user.CurrentUser(t.Context())
	if err != nil || got.ID != s.me || got.Email != "ada@example.com" {
		t.Errorf("user %v, %v; want Ada", got, err)
	}
	_, err = s.client.CurrentUser(t.Context()) // an account's key: "error" is a text
	checkError(t, err, []error{pagerduty.ErrNoUser}, []error{pagerduty.ErrInvalid, pagerduty.ErrInDoubt})

	before := len(s.fake.Requests())
	_, err = s.app.CurrentUser(t.Context())
	checkError(t, err, []error{pagerduty.ErrNoUser}, nil)
	if got := len(s.fake.Requests()) - before; got != 0 {
		t.Errorf("%d calls about an app that has no user, want none", got)
	}
}

func TestTeamRole(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	for i := range 130 { // a page and a bit
		fake.SetTeamRole("PTEAM1", fmt.Sprintf("PUSER%d", i), "observer")
	}
	fake.SetTeamRole("PTEAM1", "PADA", "manager")
	tests := []struct {
		name, team, user string
		want             string
		is               error
		calls            int
	}{
		{"on the second page", "PTEAM1", "PADA", "manager", nil, 2},
		{"on the first page", "PTEAM1", "PUSER7", "observer", nil, 1},
		{"not in the team", "PTEAM1", "PEVE", "", pagerduty.ErrNotFound, 2},
		{"no such team", "PNONE", "PADA", "", pagerduty.ErrNotFound, 1},
		{"bad team", "../x", "PADA", "", pagerduty.ErrInvalid, 0},
		{"bad user", "PTEAM1", "", "", pagerduty.ErrInvalid, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { // one after the other: the rows count calls
			before := len(fake.Requests())
			got, err := newClient(t, fake).TeamRole(t.Context(), tt.team, tt.user)
			if got != tt.want || !errors.Is(err, tt.is) {
				t.Errorf("TeamRole = %q, %v; want %q, %v", got, err, tt.want, tt.is)
			}
			if calls := len(fake.Requests()) - before; calls != tt.calls {
				t.Errorf("%d calls, want %d", calls, tt.calls)
			}
		})
	}
}

func TestRolesKeepTheAPIsNames(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	for _, role := range []string{
		"owner", "admin", "user", "limited_user", "observer", "restricted_access", "read_only_user",
		"read_only_limited_user", "role_of_the_future",
	} {
		id := fake.AddUser(role+"@example.com", func(u *pagerdutytest.User) { u.Role = role })
		if got, err := newClient(t, fake).User(t.Context(), id); err != nil || got.Role != role {
			t.Errorf("user %+v, %v; want the role %s untranslated", got, err, role)
		}
	}
}

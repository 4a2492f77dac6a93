package zoom_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/zoom"
)

// The fake is ours, and could be wrong in the same way as the client: here every call
// meets the address, status and body of Zoom's documents instead, and whatever else is
// sent fails.
func TestEveryCallIsOneRequestToItsAddress(t *testing.T) {
	t.Parallel()
	const meeting = `{"id":92674392836,"join_url":"https://zoom.us/j/92674392836","settings":{}}`
	tests := []struct {
		name, method, url string
		status            int
		answer            string
		call              func(t *testing.T, c *zoom.Client) error
	}{
		{
			"create", http.MethodPost, "https://api.zoom.us/v2/users/host@example.com/meetings", 201, meeting,
			func(t *testing.T, c *zoom.Client) error {
				_, err := c.CreateMeeting(t.Context(), host, incident())
				return err
			},
		},
		{
			"get", http.MethodGet, "https://api.zoom.us/v2/meetings/92674392836", 200, meeting,
			func(t *testing.T, c *zoom.Client) error { _, err := c.Meeting(t.Context(), 92674392836); return err },
		},
		{
			"end", http.MethodPut, "https://api.zoom.us/v2/meetings/92674392836/status", 204, "",
			func(t *testing.T, c *zoom.Client) error { return c.EndMeeting(t.Context(), 92674392836) },
		},
		{
			"delete", http.MethodDelete, "https://api.zoom.us/v2/meetings/92674392836", 204, "",
			func(t *testing.T, c *zoom.Client) error { return c.DeleteMeeting(t.Context(), 92674392836) },
		},
		{
			"update", http.MethodPatch, "https://api.zoom.us/v2/meetings/92674392836", 204, "",
			func(t *testing.T, c *zoom.Client) error {
				return c.UpdateMeeting(t.Context(), 92674392836, zoom.MeetingRequest{Topic: "new"})
			},
		},
		{
			"list", http.MethodGet, "https://api.zoom.us/v2/users/host@example.com/meetings?page_size=300&type=scheduled", 200,
			`{"meetings":[` + meeting + `]}`,
			func(t *testing.T, c *zoom.Client) (last error) {
				for _, err := range c.Meetings(t.Context(), host) {
					last = err
				}
				return last
			},
		},
		{
			"invitation", http.MethodGet, "https://api.zoom.us/v2/meetings/92674392836/invitation", 200,
			`{"invitation":"Come\r\n","sip_links":[]}`,
			func(t *testing.T, c *zoom.Client) error { _, err := c.Invitation(t.Context(), 92674392836); return err },
		},
		{
			"past meeting", http.MethodGet, "https://api.zoom.us/v2/past_meetings/%252Fa==", 200, `{"uuid":"/a=="}`,
			func(t *testing.T, c *zoom.Client) error { _, err := c.PastMeeting(t.Context(), "/a=="); return err },
		},
		{
			"user", http.MethodGet, "https://api.zoom.us/v2/users/me", 200, `{"id":"x"}`,
			func(t *testing.T, c *zoom.Client) error { _, err := c.User(t.Context(), zoom.Me); return err },
		},
		{
			"settings", http.MethodGet, "https://api.zoom.us/v2/users/host@example.com/settings", 200,
			`{"schedule_meeting":{}}`,
			func(t *testing.T, c *zoom.Client) error { _, err := c.UserSettings(t.Context(), host); return err },
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			mock.RegisterNoResponder(httpmock.NewNotFoundResponder(t.Error))
			var authorization []string
			mock.RegisterResponder(test.method, test.url, func(r *http.Request) (*http.Response, error) {
				authorization = append(authorization, r.Header.Get("Authorization"))
				return httpmock.NewStringResponse(test.status, test.answer), nil
			})
			client, err := zoom.NewClient(zoom.UserToken(&tokens{give: []*oauth2.Token{{AccessToken: "t"}}}), zoom.WithTransport(mock))
			if err != nil {
				t.Fatal(err)
			}
			if err := test.call(t, client); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff([]string{"Bearer t"}, authorization); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

package zoom

import (
	"context"
	"errors"
	"net/http"

	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
)

// UserSettings are the settings of a host that decide whether an incident's meeting
// works, for a check beforehand. Nil and empty mean that Zoom did not send the setting.
type UserSettings struct {
	ConcurrentMeeting string // how many meetings at a time the host's plan allows: Basic, Plus, None

	JoinBeforeHost   *bool
	WaitingRoom      *bool
	UsePMI           *bool // scheduled meetings are held under the personal id
	UsePMIForInstant *bool
	PhonePasscode    *bool  // callers by phone type a passcode
	PasscodeInLink   *bool  // join links carry the passcode
	RequirePasscode  *bool  // new meetings must have one
	Audio            string // both, telephony, voip, thirdParty

	TollNumbers      *bool    // meetings have numbers that callers pay for
	TollFreeNumbers  *bool    // meetings have numbers that the account pays for
	DialInCountries  []string // ISO codes of two letters, of the numbers that meetings list
	AllowedCountries []string // ISO codes of two letters, of all that could be chosen
	ThirdPartyAudio  *bool
}

// UserSettings reads the settings of a user by e-mail address or id, or of the token's
// own as Me. It is ErrHost when the account has no such user.
//
// See https://developers.zoom.us/docs/api/users/#tag/users/get/users/{userId}/settings.
func (c *Client) UserSettings(ctx context.Context, user string) (*UserSettings, error) {
	const op = "get user settings"
	path, err := userPath(user, "/settings")
	if err != nil {
		return nil, invalid(op, err)
	}
	r := request{op: op, method: http.MethodGet, path: path}
	o, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	if o.Object("schedule_meeting") == nil {
		return nil, unreadable(r, errors.New("no settings in the answer"))
	}
	schedule, audio := o.Object("schedule_meeting"), o.Object("audio_conferencing")
	countries := audio.Object("global_dial_in_countries")
	return &UserSettings{
		ConcurrentMeeting: o.Object("feature").String("concurrent_meeting"),
		JoinBeforeHost:    schedule.BoolPtr("join_before_host"),
		WaitingRoom:       o.Object("in_meeting").BoolPtr("waiting_room"),
		UsePMI:            schedule.BoolPtr("use_pmi_for_scheduled_meetings"),
		UsePMIForInstant:  schedule.BoolPtr("use_pmi_for_instant_meetings"),
		PhonePasscode:     schedule.BoolPtr("pstn_password_protected"),
		PasscodeInLink:    schedule.BoolPtr("embed_password_in_join_link"),
		RequirePasscode:   schedule.BoolPtr("require_password_for_scheduling_new_meetings"),
		Audio:             schedule.String("audio_type"),
		TollNumbers:       audio.Object("toll_call").BoolPtr("enable"),
		TollFreeNumbers:   audio.Object("toll_free_and_fee_based_toll_call").BoolPtr("enable"),
		DialInCountries:   codes(countries.Objects("selected_countries")),
		AllowedCountries:  codes(countries.Objects("allowed_countries")),
		ThirdPartyAudio:   o.Object("telephony").BoolPtr("third_party_audio"),
	}, nil
}

func codes(countries []lenientjson.Object) []string {
	var list []string
	for _, country := range countries {
		if code := country.String("code"); code != "" {
			list = append(list, code)
		}
	}
	return list
}

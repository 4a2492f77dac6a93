package zoom

import (
	"context"
	"errors"
)

// UserSettings are the settings of a host that decide whether an incident's meeting works: what a preflight looks at.
// Nil and empty mean that Zoom did not say.
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

// UserSettings reads the settings of a user by e-mail address or id, or of the token's own as Me. ErrHost when there is
// no such user in the account.
//
// See https://developers.zoom.us/docs/api/users/#tag/users/get/users/{userId}/settings.
func (c *Client) UserSettings(ctx context.Context, user string) (*UserSettings, error) {
	const op = "get user settings"
	path, err := userPath(user, "/settings")
	if err != nil {
		return nil, invalid(op, err)
	}
	o, err := c.read(ctx, op, path)
	if err != nil {
		return nil, err
	}
	if o.object("schedule_meeting") == nil {
		return nil, unreadable(op, errors.New("no settings in the answer"))
	}
	schedule, audio := o.object("schedule_meeting"), o.object("audio_conferencing")
	countries := audio.object("global_dial_in_countries")
	return &UserSettings{
		ConcurrentMeeting: o.object("feature").text("concurrent_meeting"),
		JoinBeforeHost:    schedule.flag("join_before_host"),
		WaitingRoom:       o.object("in_meeting").flag("waiting_room"),
		UsePMI:            schedule.flag("use_pmi_for_scheduled_meetings"),
		UsePMIForInstant:  schedule.flag("use_pmi_for_instant_meetings"),
		PhonePasscode:     schedule.flag("pstn_password_protected"),
		PasscodeInLink:    schedule.flag("embed_password_in_join_link"),
		RequirePasscode:   schedule.flag("require_password_for_scheduling_new_meetings"),
		Audio:             schedule.text("audio_type"),
		TollNumbers:       audio.object("toll_call").flag("enable"),
		TollFreeNumbers:   audio.object("toll_free_and_fee_based_toll_call").flag("enable"),
		DialInCountries:   codes(countries.objects("selected_countries")),
		AllowedCountries:  codes(countries.objects("allowed_countries")),
		ThirdPartyAudio:   o.object("telephony").flag("third_party_audio"),
	}, nil
}

func codes(countries []object) []string {
	var list []string
	for _, country := range countries {
		if code := country.text("code"); code != "" {
			list = append(list, code)
		}
	}
	return list
}

package zoomtest

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// accountSettings returns the settings that apply when a request leaves them out.
func accountSettings() map[string]any {
	return map[string]any{
		"join_before_host":                     false,
		"jbh_time":                             0,
		"waiting_room":                         true,
		"use_pmi":                              false,
		"meeting_authentication":               false,
		"audio":                                "both",
		"encryption_type":                      "enhanced_encryption",
		"auto_recording":                       "none",
		"approval_type":                        2,
		"email_notification":                   true,
		"alternative_hosts_email_notification": true,
		"global_dial_in_countries":             []string{"US"},
		"alternative_hosts":                    "",
	}
}

// allowedValues returns the values of the settings that accept only some.
func allowedValues() map[string][]any {
	return map[string][]any{
		"jbh_time":        {0, 5, 10, 15},
		"audio":           {"both", "telephony", "voip", "thirdParty"},
		"encryption_type": {"enhanced_encryption", "e2ee"},
		"auto_recording":  {"none", "local", "cloud"},
		"approval_type":   {0, 1, 2},
	}
}

// settingsOf returns the settings of a meeting of the user whose request leaves them all
// out.
func settingsOf(user *User) map[string]any {
	settings := accountSettings()
	settings["use_pmi"] = user.UsePMI
	maps.Copy(settings, user.Locked)
	return settings
}

// applySettings sets the wanted settings, and then the locked ones. Unknown settings are
// ignored; known ones with a bad value are refused.
func applySettings(now, asked map[string]any, user *User, meetingType int) (map[string]any, []badField) {
	settings, allowed := maps.Clone(now), allowedValues()
	var bad []badField
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		old, known := settings[name]
		if !known || asked[name] == nil {
			continue
		}
		value, ok := sameKind(asked[name], old)
		if ok && allowed[name] != nil {
			ok = slices.Contains(allowed[name], value)
		}
		if !ok {
			bad = append(bad, badField{"settings." + name, "Invalid field."})
			continue
		}
		settings[name] = value
	}
	maps.Copy(settings, user.Locked)
	if settings["waiting_room"] == true || meetingType == 1 {
		settings["join_before_host"] = false
	}
	if settings["encryption_type"] == "e2ee" && settings["auto_recording"] == "cloud" {
		settings["auto_recording"] = "none"
	}
	return settings, bad
}

// sameKind converts a decoded JSON value to the Go type of the value that it replaces.
func sameKind(value, like any) (any, bool) {
	switch like.(type) {
	case int:
		n, ok := value.(float64)
		return int(n), ok && n == math.Trunc(n)
	case []string:
		list, ok := value.([]any)
		texts := []string{}
		for _, item := range list {
			texts = append(texts, fmt.Sprint(item))
		}
		return texts, ok
	default:
		return value, fmt.Sprintf("%T", value) == fmt.Sprintf("%T", like)
	}
}

// dialIn is a phone number as Zoom lists it. Cities may be null.
type dialIn struct {
	Country     string  `json:"country"`
	CountryName string  `json:"country_name"`
	City        *string `json:"city"`
	Number      string  `json:"number"`
	Type        string  `json:"type"`
}

// dialIns returns the numbers of a meeting, of which there may be none. All are reserved
// for fiction.
func dialIns(user *User, settings map[string]any) []dialIn {
	audio := settings["audio"]
	if user.NoDialIn || settings["encryption_type"] == "e2ee" || (audio != "both" && audio != "telephony") {
		return []dialIn{}
	}
	countries, _ := settings["global_dial_in_countries"].([]string)
	chosen := []dialIn{}
	for _, number := range []dialIn{
		{"US", "US", new("New York"), "+1 202 555 0143", "toll"},
		{"US", "US", nil, "+1 202 555 0178", "toll"},
		{"US", "US", nil, "+1 888 555 0119", "tollfree"},
		{"GB", "United Kingdom", new("London"), "+44 20 7946 0321", "toll"},
		{"DE", "Germany", nil, "+49 30 23125 044", "toll"},
		{"AU", "Australia", new("Sydney"), "+61 2 5550 1234", "toll"},
	} {
		if slices.Contains(countries, number.Country) && (number.Type == "toll" || user.TollFree) {
			chosen = append(chosen, number)
		}
	}
	return chosen
}

// getSettings returns the settings of the user, in the shape that the option in the query
// names.
func (s *Server) getSettings(in *exchange, g *grant) answer {
	user, refusal := s.userInPath(in, g)
	if user == nil {
		return refusal
	}
	switch option := in.URL.Query().Get("option"); option {
	case "":
	case "meeting_authentication", "recording_authentication":
		return reply(200, map[string]any{"authentication_options": []any{}})
	case "meeting_security":
		return reply(200, map[string]any{"meeting_security": map[string]any{}})
	default:
		return refuse(400, 300, "Validation Failed.", badField{"option", "Invalid field."})
	}
	applies := settingsOf(user)
	country := map[string]any{"code": "US", "name": "United States of America"}
	return reply(200, map[string]any{
		"feature": map[string]any{"concurrent_meeting": orElse(user.Concurrent, "None"), "meeting_capacity": 100},
		"schedule_meeting": map[string]any{
			"join_before_host":                             applies["join_before_host"],
			"audio_type":                                   applies["audio"],
			"use_pmi_for_instant_meetings":                 applies["use_pmi"],
			"use_pmi_for_scheduled_meetings":               applies["use_pmi"],
			"pstn_password_protected":                      !user.NoPhoneKey,
			"embed_password_in_join_link":                  true,
			"require_password_for_scheduling_new_meetings": true,
			"require_password_for_scheduled_meetings":      true,
			"require_password_for_instant_meetings":        true,
			"require_password_for_pmi_meetings":            "jbh_only",
			"pmi_password":                                 "PMI-SECRET",
		},
		"in_meeting": map[string]any{"waiting_room": applies["waiting_room"]},
		"audio_conferencing": map[string]any{
			"toll_call": map[string]any{"enable": !user.NoDialIn, "numbers": []any{}},
			"toll_free_and_fee_based_toll_call": map[string]any{
				"enable": user.TollFree, "numbers": nil, "allow_webinar_attendees_dial": false,
			},
			"global_dial_in_countries": map[string]any{
				"allowed_countries": []any{country}, "selected_countries": []any{country},
				"include_toll_free": user.TollFree,
			},
		},
		"telephony": map[string]any{
			"telephony_regions": map[string]any{"selection_values": ""},
			"third_party_audio": false, "show_international_numbers_link": true,
		},
	})
}

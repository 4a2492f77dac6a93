package bridge

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/zoom"
)

func TestDialIns(t *testing.T) {
	t.Parallel()
	us := zoom.DialInNumber{Country: "US", Number: "+1 415 555 1212", Type: "toll"}
	free := zoom.DialInNumber{Country: "US", Number: "+1 800 555 0100", Type: "tollfree"}
	de := zoom.DialInNumber{Country: "DE", Number: "+49 69 555 0100", Type: "toll"}
	all := []zoom.DialInNumber{free, us, de}
	tests := []struct {
		name     string
		numbers  []zoom.DialInNumber
		passcode zoom.Secret
		choice   DialInPreference
		want     []string
	}{
		{"with a passcode", []zoom.DialInNumber{us}, "123456", DialInPreference{}, []string{
			"+1 415 555 1212,,98765432101#,,,,*123456#", "+1 415 555 1212,,98765432101#", "+1 415 555 1212",
		}},
		{"without one", []zoom.DialInNumber{us}, "", DialInPreference{}, []string{"+1 415 555 1212,,98765432101#", "+1 415 555 1212"}},
		{"a passcode no phone can type", []zoom.DialInNumber{us}, "a1", DialInPreference{}, []string{"+1 415 555 1212,,98765432101#", "+1 415 555 1212"}},
		{"no number", nil, "123456", DialInPreference{}, nil},
		{"no number wanted", all, "", DialInPreference{Off: true}, nil},
		{"toll before toll-free", all, "", DialInPreference{}, []string{"+1 415 555 1212,,98765432101#", "+1 415 555 1212"}},
		{"toll-free when there is no other", []zoom.DialInNumber{free}, "", DialInPreference{}, []string{"+1 800 555 0100,,98765432101#", "+1 800 555 0100"}},
		{"the preferred country", all, "", DialInPreference{Countries: []string{"FR", "de"}}, []string{"+49 69 555 0100,,98765432101#", "+49 69 555 0100"}},
		{"the best there is", all, "", DialInPreference{Countries: []string{"FR"}}, []string{"+1 415 555 1212,,98765432101#", "+1 415 555 1212"}},
		{"nothing that a phone could dial", []zoom.DialInNumber{{Country: "US", Number: "call us,,1#"}}, "", DialInPreference{}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := &zoom.Meeting{ID: 98765432101, PhonePassword: test.passcode}
			m.Settings.GlobalDialInNumbers = test.numbers
			if diff := cmp.Diff(test.want, dialIns(m, test.choice)); diff != "" {
				t.Errorf("dial-ins (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever Zoom answers, a phone can dial what is written to the incident.
func FuzzDialIns(f *testing.F) {
	f.Add("+1 415 555 1212", "toll", "123456", "US", int64(98765432101))
	f.Add("+1 800 555 0100", "tollfree", "", "", int64(1))
	f.Add("12345,,1#*", "toll", "a1", "DE", int64(-1))
	f.Fuzz(func(t *testing.T, number, kind, passcode, country string, id int64) {
		m := &zoom.Meeting{ID: id, PhonePassword: zoom.Secret(passcode)}
		m.Settings.GlobalDialInNumbers = []zoom.DialInNumber{{Country: country, Number: number, Type: kind}}
		for _, way := range dialIns(m, DialInPreference{Countries: []string{"US"}}) {
			if strings.Trim(way, "+-0123456789 ().,#*") != "" || way[0] == ',' {
				t.Errorf("%q cannot be dialled", way)
			}
		}
	})
}

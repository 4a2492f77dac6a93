package phone_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/internal/phone"
)

func TestTelURI(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]string{
		"":                                "",
		"+1 (202) 555-0100":               "+12025550100",
		"+1 202 555 0100,,123456#,,*789#": "+12025550100,,123456%23,,*789%23",
		`+1"><script>`:                    "+1",
		"+1 ２０２":                          "+1", // only ASCII digits
	} {
		if got := phone.TelURI(number); got != want {
			t.Errorf("TelURI(%q) = %q, want %q", number, got, want)
		}
	}
}

func TestSplitPauses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		number string
		want   []string
	}{
		{number: ""},
		{number: "+1 202", want: []string{"+1 202"}},
		{number: "+1 202,,123#", want: []string{"+1 202", ",,123#"}},
		{number: "+1 202,,123#,,*45#", want: []string{"+1 202", ",,123#", ",,*45#"}},
		{number: ",,1,", want: []string{",,1", ","}},
		{number: ",,", want: []string{",,"}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, phone.SplitPauses(test.number)); diff != "" {
			t.Errorf("SplitPauses(%q) (-want +got):\n%s", test.number, diff)
		}
	}
}

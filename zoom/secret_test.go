package zoom_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/zoom"
)

func TestSecretPrintsAsRedacted(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%10.3s"} {
		if got := fmt.Sprintf(verb, zoom.Secret("123456")); got != "[redacted]" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
	got, err := json.Marshal(map[string]zoom.Secret{"password": "123456", "none": ""})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"none":"","password":"[redacted]"}`, string(got)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
	if got := fmt.Sprint(zoom.Secret("")); got != "" {
		t.Errorf("an empty secret prints %q", got)
	}
}

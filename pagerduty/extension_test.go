package pagerduty_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

var someExtension = pagerduty.ExtensionRequest{
	Name:       "Create Zoom Meeting",
	URL:        "https://bridge.example.com/actions/pagerduty",
	ServiceIDs: []string{"PSHOP01"},
	Headers:    map[string]pagerduty.Secret{"Authorization": "Bearer hunter4"},
}

func TestExtensionIsMadeListedAndDeleted(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	client := newClient(t, fake)
	made, err := client.CreateExtension(t.Context(), someExtension)
	if err != nil {
		t.Fatal(err)
	}
	want := &pagerduty.Extension{
		ID: made.ID, Name: "Create Zoom Meeting", URL: someExtension.URL,
		Services: []pagerduty.Reference{{ID: "PSHOP01", Type: "service_reference"}},
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("extension (-want +got):\n%s", diff)
	}
	if got := fake.Extensions()[0].Headers.Get("Authorization"); got != "Bearer hunter4" {
		t.Errorf("a press would come with %q, want the token", got)
	}
	listed, err := client.Extensions(t.Context(), "PSHOP01")
	if diff := cmp.Diff([]pagerduty.Extension{*want}, listed); diff != "" || err != nil {
		t.Errorf("list: %v (-want +got):\n%s", err, diff)
	}
	if listed, err := client.Extensions(t.Context(), "POTHER"); len(listed) > 0 || err != nil {
		t.Errorf("another service has %v, %v; want nothing", listed, err)
	}
	if err := client.EnableExtension(t.Context(), made.ID); err != nil {
		t.Errorf("enable: %v", err)
	}
	for range 2 {
		if err := client.DeleteExtension(t.Context(), made.ID); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	if left := fake.Extensions(); len(left) > 0 {
		t.Errorf("extensions %v are left", left)
	}
}

func TestExtensionsOfAnotherKindAreNotOurs(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	fake.Fault(pagerdutytest.ListExtensions, pagerdutytest.Answer(200, `{"extensions":[null,
		{"id":"P1","extension_schema":{"id":"PX","summary":"Generic V2 Webhook"}},
		{"id":"P2","summary":"Ours","extension_schema":{"id":"PY","summary":"Custom Incident Action"}}],"more":false}`))
	listed, err := newClient(t, fake).Extensions(t.Context(), "PSHOP01")
	if diff := cmp.Diff([]pagerduty.Extension{{ID: "P2", Name: "Ours"}}, listed); diff != "" || err != nil {
		t.Errorf("list: %v (-want +got):\n%s", err, diff)
	}
}

func TestExtensionsHaveTheirLimits(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	client := newClient(t, fake)
	for range 3 {
		if _, err := client.CreateExtension(t.Context(), someExtension); err != nil {
			t.Fatal(err)
		}
	}
	_, err := client.CreateExtension(t.Context(), someExtension)
	checkError(t, err, []error{pagerduty.ErrLimit}, []error{pagerduty.ErrInDoubt})

	fake.Fault(pagerdutytest.ListExtensionSchemas, pagerdutytest.Answer(200, `{"extension_schemas":[{"id":"P1","key":"slack"}]}`))
	_, err = client.CreateExtension(t.Context(), someExtension)
	checkError(t, err, []error{pagerduty.ErrPlan}, []error{pagerduty.ErrInDoubt})
}

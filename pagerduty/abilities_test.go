package pagerduty_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

func TestAbilities(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New(pagerdutytest.WithAbilities("teams", "coordinated_responding"))
	got, err := newClient(t, fake).Abilities(t.Context())
	if diff := cmp.Diff([]string{"teams", "coordinated_responding"}, got); diff != "" || err != nil {
		t.Errorf("abilities: %v (-want +got):\n%s", err, diff)
	}
	if got, err := newClient(t, pagerdutytest.New(pagerdutytest.WithAbilities())).Abilities(t.Context()); len(got) > 0 || err != nil {
		t.Errorf("abilities %v, %v; want none", got, err)
	}
}

func TestAbilitiesReadsOddAnswers(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	client := newClient(t, fake)
	fake.Fault(pagerdutytest.ListAbilities,
		pagerdutytest.Answer(200, `{"abilities":["teams",null,7,{}]}`), pagerdutytest.Answer(200, `{}`))
	if got, err := client.Abilities(t.Context()); len(got) != 2 || err != nil {
		t.Errorf("abilities %v, %v; want the two that are texts or numbers", got, err)
	}
	if _, err := client.Abilities(t.Context()); !errors.Is(err, pagerduty.ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
}

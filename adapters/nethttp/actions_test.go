package nethttp_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/bridge"
)

func TestSeveralMessagesGetTheWorstStatus(t *testing.T) {
	t.Parallel()
	const other = `{"id":"m-9","event":"incident.acknowledge","incident":{"id":"P9"}}`
	tests := []struct {
		name     string
		messages []string
		status   int
		results  []string
	}{
		{"all well", []string{message("m-1", "PNEW"), message("m-2", "PNEW")}, http.StatusCreated, []string{"attached", "attached"}},
		{"one still at work", []string{message("m-1", "PNEW"), message("m-2", "PSLOW")}, http.StatusAccepted, []string{"attached", "creating"}},
		{"one that will never be", []string{message("m-1", "PNOBODY"), other}, http.StatusOK, []string{"incident_not_found", "ignored"}},
		{"one not kept", []string{message("m-1", "PLOST"), message("m-2", "PNEW"), other}, http.StatusServiceUnavailable, []string{"unavailable", "attached", "ignored"}},
		{"many", slices.Repeat([]string{message("m-1", "PNEW")}, 50), http.StatusCreated, slices.Repeat([]string{"attached"}, 50)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			svc := &stub{open: func(_ context.Context, req bridge.Request) (*bridge.Bridge, error) {
				switch req.IncidentID {
				case "PNOBODY":
					return nil, &bridge.Error{Op: "open", Err: bridge.ErrIncidentNotFound}
				case "PLOST":
					return nil, &bridge.Error{Op: "open", Err: bridge.ErrUnavailable}
				case "PSLOW":
					return &bridge.Bridge{IncidentID: req.IncidentID, State: bridge.StateCreating}, nil
				default:
					return attached(), nil
				}
			}}
			body := `{"messages":[` + strings.Join(tt.messages, ",") + `]}`
			got := send(t, handler(t, svc), trusted(http.MethodPost, "/actions/pagerduty", body))
			if got.status != tt.status {
				t.Errorf("got %d, want %d", got.status, tt.status)
			}
			if again := got.header.Get("Retry-After") != ""; got.status == http.StatusServiceUnavailable && !again {
				t.Error("503 without Retry-After")
			}
			var told struct {
				Results []struct{ State, Code string } `json:"results"`
			}
			if err := json.Unmarshal([]byte(got.body), &told); err != nil {
				t.Fatal(err)
			}
			var results []string
			for _, result := range told.Results {
				results = append(results, result.State+result.Code)
			}
			if diff := cmp.Diff(tt.results, results); diff != "" {
				t.Error(diff)
			}
		})
	}
}

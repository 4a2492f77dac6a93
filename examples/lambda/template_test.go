package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/incidentbridge/incidentbridge/examples/lambda/internal/sandbox"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore/dynamostore"
)

// template is what the tests read of template.yaml.
type template struct {
	Resources struct {
		Function struct {
			Properties struct {
				Policies []struct {
					Statement []struct {
						Action []string `yaml:"Action"`
					} `yaml:"Statement"`
				} `yaml:"Policies"`
				Environment struct {
					Variables map[string]any `yaml:"Variables"`
				} `yaml:"Environment"`
			} `yaml:"Properties"`
		} `yaml:"Function"`
		Table struct {
			Properties map[string]any `yaml:"Properties"`
		} `yaml:"Table"`
	} `yaml:"Resources"`
}

func readTemplate(t *testing.T) template {
	t.Helper()
	text, err := os.ReadFile("template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var tmpl template
	if err := yaml.Unmarshal(text, &tmpl); err != nil {
		t.Fatal(err)
	}
	return tmpl
}

// The table is the one that the store describes, with the broom beside it.
func TestTheTableIsTheStores(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(dynamostore.TableDefinition("t"))
	if err != nil {
		t.Fatal(err)
	}
	var want any
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	want = set(want)
	delete(want.(map[string]any), "TableName")
	got := readTemplate(t).Resources.Table.Properties
	if diff := cmp.Diff(map[string]any{"AttributeName": "ttl", "Enabled": true}, got["TimeToLiveSpecification"]); diff != "" {
		t.Errorf("time to live (-want +got):\n%s", diff)
	}
	delete(got, "TimeToLiveSpecification")
	if diff := cmp.Diff(want, any(got)); diff != "" {
		t.Errorf("the table (-store +template):\n%s", diff)
	}
}

// set takes out of a value what is not set.
func set(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, field := range v {
			if v[name] = set(field); v[name] == nil || v[name] == "" {
				delete(v, name)
			}
		}
	case []any:
		for i := range v {
			v[i] = set(v[i])
		}
	}
	return value
}

// The function may do what it does, and nothing else: a bridge's whole life is played, and the calls to AWS are recorded.
func TestTheRightsAreTheCalls(t *testing.T) {
	t.Parallel()
	endpoint := dynalite(t)
	table, err := sandbox.Table(t.Context(), endpoint)
	if err != nil {
		t.Fatal(err)
	}
	rec := &recorder{}
	v := newVendors(t)
	parameters := map[string]string{
		"/incidentbridge/pagerduty-token": v.PagerDuty.Key(), "/incidentbridge/action-tokens": sandbox.Token,
	}
	dynamo := newFront(t, endpoint, rec.saw)
	ssm := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec.saw(r)
		answerParameters(w, r, parameters)
	}))
	t.Cleanup(ssm.Close)
	e := start(t, v.Environ(sandbox.StoreURL(table, dynamo),
		"PAGERDUTY_TOKEN=", "PAGERDUTY_TOKEN_SSM=/incidentbridge/pagerduty-token",
		"ACTION_TOKENS=", "ACTION_TOKENS_SSM=/incidentbridge/action-tokens",
		"AWS_ENDPOINT_URL_SSM="+ssm.URL, "CLOSE_GRACE=0s"), 30*time.Second)

	incident := v.PagerDuty.AddIncident("Down")
	header, body := v.Triggered(incident)
	if a := ask(t, e, sandbox.URL("/webhooks/pagerduty", header, body)); a.StatusCode != http.StatusCreated {
		t.Fatalf("opening: %+v", a)
	}
	v.PagerDuty.Resolve(incident)
	resolved := v.PagerDuty.Webhook(pagerdutytest.Event{Type: "incident.resolved", IncidentID: incident})
	if a := ask(t, e, sandbox.URL("/webhooks/pagerduty", resolved.Header, resolved.Body)); a.StatusCode >= 300 {
		t.Fatalf("resolving: %+v", a)
	}
	for there := 1; there > 0 && t.Context().Err() == nil; there, _ = v.Meetings() {
		if _, err := e.Invoke(t.Context(), sandbox.Schedule()); err != nil {
			t.Fatal(err)
		}
	}

	var allowed []string
	for _, policy := range readTemplate(t).Resources.Function.Properties.Policies {
		for _, statement := range policy.Statement {
			allowed = append(allowed, statement.Action...)
		}
	}
	slices.Sort(allowed)
	if diff := cmp.Diff(allowed, rec.actions()); diff != "" {
		t.Errorf("calls to AWS (-allowed +made):\n%s", diff)
	}
}

// recorder notes which actions of AWS are asked for.
type recorder struct {
	mu   sync.Mutex
	seen []string
}

// saw notes a request. X-Amz-Target is such as DynamoDB_20120810.GetItem.
func (rec *recorder) saw(r *http.Request) bool {
	service, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	prefix := map[string]string{"DynamoDB_20120810": "dynamodb", "AmazonSSM": "ssm", "secretsmanager": "secretsmanager"}[service]
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.seen = append(rec.seen, prefix+":"+action)
	return true
}

func (rec *recorder) actions() []string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(rec.seen)))
}

// answerParameters is Systems Manager, as far as GetParameters goes.
func answerParameters(w http.ResponseWriter, r *http.Request, parameters map[string]string) {
	var asked struct {
		Names          []string
		WithDecryption bool
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(body, &asked) != nil || !asked.WithDecryption || len(asked.Names) > 10 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	answer := struct {
		Parameters        []map[string]string
		InvalidParameters []string
	}{}
	for _, name := range asked.Names {
		value, ok := parameters[name]
		if !ok {
			answer.InvalidParameters = append(answer.InvalidParameters, name)
			continue
		}
		answer.Parameters = append(answer.Parameters, map[string]string{"Name": name, "Value": value})
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// Every variable of the template is one that the program reads: a misspelt one would be ignored in silence.
func TestTheVariablesAreSettings(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../internal/settings/settings.go")
	if err != nil {
		t.Fatal(err)
	}
	variables := readTemplate(t).Resources.Function.Properties.Environment.Variables
	if len(variables) < 10 {
		t.Errorf("only %d variables were found", len(variables))
	}
	for name := range variables {
		setting := strings.TrimSuffix(name, ssmSuffix)
		known := strings.Contains(string(text), `env:"`+setting+`"`) || name == eventSource || name == queueARN
		if !known {
			t.Errorf("%s is no setting", name)
		}
	}
}

// What the README says to deploy with is enough, and what is forgotten is named.
func TestTheParametersAreEnough(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		parameters map[string]string
		wants      string
	}{
		"keys": {map[string]string{
			"ZoomAccountId": "account", "ZoomClientId": "client", "ZoomHosts": "host@example.com", "PagerDutyFrom": "oncall@example.com",
		}, ""},
		"keys, and people who log in": {map[string]string{
			"ZoomAccountId": "account", "ZoomClientId": "client", "ZoomHosts": "host@example.com", "PagerDutyFrom": "oncall@example.com",
			"PagerDutyClientId": "client", "PagerDutyWebhooks": "yes", "ZoomWebhooks": "yes",
		}, ""},
		"an installed app": {map[string]string{
			"ZoomClientId": "client", "PagerDutyClientId": "client", "ZoomWebhooks": "yes",
		}, ""},
		"keys without a host": {map[string]string{
			"ZoomAccountId": "account", "ZoomClientId": "client", "PagerDutyFrom": "oncall@example.com",
		}, "missing ZOOM_HOSTS"},
		"nothing of PagerDuty": {map[string]string{"ZoomClientId": "client"}, "missing PAGERDUTY_TOKEN, PAGERDUTY_FROM"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := environ(t, test.parameters)
			for variable := range values {
				if secret, kept := strings.CutSuffix(variable, ssmSuffix); kept {
					values[secret] = "secret"
				}
			}
			values["STORE_KEYS"] = "k:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
			said := ""
			if _, err := load(values); err != nil {
				said = err.Error()
			}
			if diff := cmp.Diff(test.wants, said); diff != "" {
				t.Errorf("the settings (-want +got):\n%s", diff)
			}
		})
	}
}

// The address that PagerDuty is given is one that the routes have.
func TestTheOutputsAreRoutes(t *testing.T) {
	t.Parallel()
	v := newVendors(t)
	e := start(t, v.Environ("memory:"), 30*time.Second)
	text, err := os.ReadFile("template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, outputs, _ := strings.Cut(string(text), "\nOutputs:\n")
	found := 0
	for line := range strings.Lines(outputs) {
		_, address, ok := strings.Cut(line, "Value: !Sub ")
		if !ok {
			continue
		}
		u, err := url.Parse(strings.NewReplacer("${", "", "}", "", "AWS::", "").Replace(strings.TrimSpace(address)))
		if err != nil {
			t.Fatal(err)
		}
		if u.Path == "" {
			continue
		}
		found++
		if a := ask(t, e, sandbox.URL(u.Path, nil, nil)); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s answers %d to a stranger, want 401", u.Path, a.StatusCode)
		}
	}
	if found != 3 {
		t.Errorf("%d addresses were found, want 3", found)
	}
}

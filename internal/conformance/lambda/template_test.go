package lambda_test

import (
	"encoding/json"
	"errors"
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

	"github.com/incidentbridge/incidentbridge/internal/conformance/lambda/runtimeapi"
	"github.com/incidentbridge/incidentbridge/internal/conformance/lambda/sandbox"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore/dynamostore"
)

const (
	examples     = "../../../examples"
	templateFile = examples + "/lambda/template.yaml"
)

// template has the parts of template.yaml that the tests read.
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
	text, err := os.ReadFile(templateFile)
	if err != nil {
		t.Fatal(err)
	}
	var tmpl template
	if err := yaml.Unmarshal(text, &tmpl); err != nil {
		t.Fatal(err)
	}
	return tmpl
}

// The table is the one that the store describes, with time to live enabled.
func TestTableDefinition(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(dynamostore.TableDefinition("t"))
	if err != nil {
		t.Fatal(err)
	}
	var want any
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	want = withoutUnset(want)
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

// withoutUnset removes unset fields from a value.
func withoutUnset(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, field := range v {
			if v[name] = withoutUnset(field); v[name] == nil || v[name] == "" {
				delete(v, name)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutUnset(v[i])
		}
	}
	return value
}

// The function has exactly the rights that it uses: the test opens and closes a bridge
// and records the requests to AWS.
func TestRightsMatchRequests(t *testing.T) {
	t.Parallel()
	endpoint := dynalite(t)
	table, err := sandbox.NewTable(t.Context(), endpoint)
	if err != nil {
		t.Fatal(err)
	}
	rec := &recorder{}
	v := newVendors(t)
	parameters := sandbox.Parameters{
		"/incidentbridge/pagerduty-token": v.PagerDuty.Key(), "/incidentbridge/action-tokens": sandbox.Token,
	}
	dynamo := newProxy(t, endpoint, rec.record)
	ssm := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec.record(r)
		parameters.ServeHTTP(w, r)
	}))
	t.Cleanup(ssm.Close)
	e := startProcess(t, v.Environ(sandbox.StoreURL(table, dynamo),
		"PAGERDUTY_TOKEN=", "PAGERDUTY_TOKEN_SSM=/incidentbridge/pagerduty-token",
		"ACTION_TOKENS=", "ACTION_TOKENS_SSM=/incidentbridge/action-tokens",
		"AWS_ENDPOINT_URL_SSM="+ssm.URL, "CLOSE_GRACE=0s"), 30*time.Second)

	incident := v.PagerDuty.AddIncident("Down")
	header, body := v.TriggeredWebhook(incident)
	if response := invoke(t, e, sandbox.FunctionURLEvent("/webhooks/pagerduty", header, body)); response.StatusCode != http.StatusCreated {
		t.Fatalf("opening: %+v", response)
	}
	v.PagerDuty.Resolve(incident)
	resolved := v.PagerDuty.Webhook(pagerdutytest.Event{Type: "incident.resolved", IncidentID: incident})
	if response := invoke(t, e, sandbox.FunctionURLEvent("/webhooks/pagerduty", resolved.Header, resolved.Body)); response.StatusCode >= 300 {
		t.Fatalf("resolving: %+v", response)
	}
	for existing := 1; existing > 0 && t.Context().Err() == nil; existing, _ = v.Meetings() {
		if _, err := e.Invoke(t.Context(), sandbox.ScheduleEvent()); err != nil {
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
	if diff := cmp.Diff(allowed, rec.sorted()); diff != "" {
		t.Errorf("requests to AWS (-allowed +made):\n%s", diff)
	}
}

// recorder records the AWS actions that are requested.
type recorder struct {
	mu      sync.Mutex
	actions []string
}

// record records a request. X-Amz-Target is like DynamoDB_20120810.GetItem.
func (rec *recorder) record(r *http.Request) bool {
	service, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	prefix := map[string]string{"DynamoDB_20120810": "dynamodb", "AmazonSSM": "ssm", "secretsmanager": "secretsmanager"}[service]
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.actions = append(rec.actions, prefix+":"+action)
	return true
}

func (rec *recorder) sorted() []string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(rec.actions)))
}

// Every variable of the template is one that the program reads. A misspelt one would be
// ignored.
func TestTemplateVariables(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(examples + "/internal/settings/settings.go")
	if err != nil {
		t.Fatal(err)
	}
	variables := readTemplate(t).Resources.Function.Properties.Environment.Variables
	if len(variables) < 10 {
		t.Errorf("only %d variables were found", len(variables))
	}
	for name := range variables {
		setting := strings.TrimSuffix(name, "_SSM")
		known := strings.Contains(string(text), `env:"`+setting+`"`) || name == "PAGERDUTY_EVENT_SOURCE" || name == "TRIGGER_QUEUE_ARN"
		if !known {
			t.Errorf("%s is not a setting", name)
		}
	}
}

// The parameters that the README names are enough, and a missing one is reported.
func TestTemplateParameters(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		parameters map[string]string
		want       string
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
			values := templateEnvironment(t, test.parameters)
			values["AWS_REGION"], values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"] = "us-east-1", "none", "none"
			for variable := range values {
				if secret, ok := strings.CutSuffix(variable, "_SSM"); ok {
					delete(values, variable)
					values[secret] = "secret"
				}
			}
			values["STORE_KEYS"] = "k:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
			got := startError(t, values)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("the start (-want +got):\n%s", diff)
			}
		})
	}
}

// startError starts a process with this environment and returns the error that it reports
// to Lambda, "" if it polls for events.
func startError(t *testing.T, environ map[string]string) string {
	t.Helper()
	var list []string
	for name, value := range environ {
		list = append(list, name+"="+value)
	}
	e, err := runtimeapi.Start(bootstrap, list, 10*time.Second, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	_, err = e.Ready(t.Context())
	if err == nil {
		return ""
	}
	var reported *runtimeapi.FunctionError
	if !errors.As(err, &reported) {
		t.Fatal(err)
	}
	return reported.Message
}

// The addresses in the outputs are routes.
func TestOutputsAreRoutes(t *testing.T) {
	t.Parallel()
	v := newVendors(t)
	e := startProcess(t, v.Environ("memory:"), 30*time.Second)
	text, err := os.ReadFile(templateFile)
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
		if response := invoke(t, e, sandbox.FunctionURLEvent(u.Path, nil, nil)); response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: status %d without credentials, want 401", u.Path, response.StatusCode)
		}
	}
	if found != 3 {
		t.Errorf("found %d addresses, want 3", found)
	}
}

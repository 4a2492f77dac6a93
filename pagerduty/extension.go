package pagerduty

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
)

// Extension is a custom incident action: a button on the incidents of some services,
// which sends what [ParseCustomAction] reads to a URL.
type Extension struct {
	ID       string
	Name     string // on the button
	URL      string // where presses are sent; it may contain a password, so it is in no error
	Services []Reference
	Disabled bool // PagerDuty stopped sending for 24 hours: three presses in a row failed
}

// ExtensionRequest describes the action to make.
type ExtensionRequest struct {
	Name       string            // required, on the button
	URL        string            // required, https
	ServiceIDs []string          // required
	Headers    map[string]Secret // sent with every press, which has no signature: put a bearer token here
}

type extensionWrite struct {
	Extension extensionWriteContent `json:"extension"`
}

type extensionWriteContent struct {
	Name    string           `json:"name"`
	URL     string           `json:"endpoint_url"`
	Schema  referenceWrite   `json:"extension_schema"`
	Objects []referenceWrite `json:"extension_objects"`
	Config  *extensionConfig `json:"config,omitempty"`
}

type referenceWrite struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

type extensionConfig struct {
	Headers []headerWrite `json:"headers"`
}

// CreateExtension adds a custom incident action to services. It reads which kind of
// extension that is, then sends the new one once: after [ErrInDoubt] look for it with
// [Client.Extensions]. It is [ErrPlan] or [ErrLimit] when the plan allows no more.
//
// See createExtension in https://developer.pagerduty.com/api-reference/.
func (c *Client) CreateExtension(ctx context.Context, e ExtensionRequest) (*Extension, error) {
	const op = "create custom incident action"
	switch {
	case strings.TrimSpace(e.Name) == "":
		return nil, invalid(op, "", "the name is empty")
	case !isReceiverURL(e.URL):
		return nil, invalid(op, "", "the URL must be https")
	case len(e.ServiceIDs) == 0, !allValidIDs(e.ServiceIDs):
		return nil, invalid(op, "", "the service ids must be letters and digits, and at least one")
	}
	schema, err := c.customActionSchema(ctx, op)
	if err != nil {
		return nil, err
	}
	write := extensionWriteContent{
		Name: e.Name, URL: e.URL,
		Schema: referenceWrite{schema, "extension_schema_reference"},
	}
	for _, id := range e.ServiceIDs {
		write.Objects = append(write.Objects, referenceWrite{id, "service_reference"})
	}
	if len(e.Headers) > 0 {
		write.Config = &extensionConfig{headerWrites(e.Headers)}
	}
	r := request{
		op: op, method: http.MethodPost, path: "/extensions",
		body: extensionWrite{write}, secrets: secretsOf(e.URL, e.Headers),
	}
	answer, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	extension := decodeExtension(answer.Object("extension"))
	if !validID(extension.ID) {
		return nil, unreadable(r, errors.New("no extension in the answer"))
	}
	return extension, nil
}

// Extensions lists the custom incident actions of a service.
//
// See listExtensions in https://developer.pagerduty.com/api-reference/.
func (c *Client) Extensions(ctx context.Context, serviceID string) ([]Extension, error) {
	const op = "list custom incident actions"
	if !validID(serviceID) {
		return nil, invalid(op, "", "the service id must be letters and digits")
	}
	var found []Extension
	r := request{op: op, path: "/extensions", query: url.Values{"extension_object_id": {serviceID}}}
	err := c.forEach(ctx, r, "extensions", func(entry lenientjson.Object) bool {
		if isCustomAction(entry.Object("extension_schema")) {
			found = append(found, *decodeExtension(entry))
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// EnableExtension makes PagerDuty send again after it disabled the action.
//
// See enableExtension in https://developer.pagerduty.com/api-reference/.
func (c *Client) EnableExtension(ctx context.Context, id string) error {
	return c.postEmpty(ctx, "enable custom incident action", "/extensions/", id, "/enable")
}

// DeleteExtension removes the button. One that is already gone counts as deleted.
//
// See deleteExtension in https://developer.pagerduty.com/api-reference/.
func (c *Client) DeleteExtension(ctx context.Context, id string) error {
	const op = "delete custom incident action"
	if !validID(id) {
		return invalid(op, "", "the id must be letters and digits")
	}
	return c.delete(ctx, op, "/extensions/"+id)
}

// customActionSchema returns the id of the extension schema of custom incident actions.
func (c *Client) customActionSchema(ctx context.Context, op string) (string, error) {
	found := ""
	r := request{op: op, path: "/extension_schemas"}
	err := c.forEach(ctx, r, "extension_schemas", func(schema lenientjson.Object) bool {
		if isCustomAction(schema) && validID(schema.String("id")) {
			found = schema.String("id")
		}
		return found == ""
	})
	if err == nil && found == "" {
		err = &Error{Op: op, Message: "the account has no custom incident actions", Err: ErrPlan}
	}
	return found, err
}

func allValidIDs(ids []string) bool {
	return !slices.ContainsFunc(ids, func(id string) bool { return !validID(id) })
}

// isCustomAction reports whether the schema is that of custom incident actions, by its
// key, or by its name where PagerDuty sends only that.
func isCustomAction(schema lenientjson.Object) bool {
	return schema.String("key") == "custom_webhook" ||
		strings.EqualFold(schema.String("label", "summary"), "Custom Incident Action")
}

func decodeExtension(o lenientjson.Object) *Extension {
	return &Extension{
		ID:       o.String("id"),
		Name:     o.String("name", "summary"),
		URL:      o.String("endpoint_url"),
		Services: references(o.Objects("extension_objects")),
		Disabled: o.Bool("temporarily_disabled"),
	}
}

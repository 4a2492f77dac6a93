package pagerdutytest

import (
	"encoding/json"
	"net/http"
	"slices"
)

// customActionSchema is the extension schema of custom incident actions.
const customActionSchema = "PCUSTOMACTION"

// Extensions returns the custom incident actions, oldest first.
func (s *Server) Extensions() []Subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	return states(s.extensions)
}

func (s *Server) listExtensionSchemas(in *exchange) answer {
	schema := func(id, key, label string) map[string]any {
		return map[string]any{
			"id": id, "type": "extension_schema", "summary": label, "key": key, "label": label,
			"self": "https://api.pagerduty.com/extension_schemas/" + id, "html_url": nil,
		}
	}
	return list(in, "extension_schemas", []any{
		schema("PGENERIC2", "generic_v2_webhook", "Generic V2 Webhook"),
		schema(customActionSchema, "custom_webhook", "Custom Incident Action"),
	})
}

// extensionWrite is what POST reads; other fields are ignored.
type extensionWrite struct {
	Extension struct {
		Name    string   `json:"name"`
		URL     string   `json:"endpoint_url"`
		Schema  idJSON   `json:"extension_schema"`
		Objects []idJSON `json:"extension_objects"`
		Config  struct {
			Headers []headerJSON `json:"headers"`
		} `json:"config"`
	} `json:"extension"`
}

type idJSON struct {
	ID string `json:"id"`
}

func (s *Server) createExtension(in *exchange) answer {
	var write extensionWrite
	if json.Unmarshal(in.body, &write) != nil {
		return invalidInput("The extension is invalid")
	}
	sent := write.Extension
	switch {
	case sent.Name == "":
		return invalidInput("Name cannot be empty")
	case sent.Schema.ID != customActionSchema:
		return invalidInput("Extension schema is invalid")
	case len(sent.Objects) == 0:
		return invalidInput("Extension objects cannot be empty")
	case sent.URL == "" || !linkOrEmpty(sent.URL):
		return invalidInput("Endpoint url is invalid")
	}
	r := &receiver{Subscription: Subscription{
		ID: s.mint("PEXT"), Name: sent.Name, URL: sent.URL, Headers: headerOf(sent.Config.Headers), Active: true,
	}}
	for _, service := range sent.Objects {
		if s.actionsOf(service.ID) >= 3 {
			return refuse(400, 2019, "Product limit reached", "A service has at most three custom incident actions")
		}
		r.Services = append(r.Services, service.ID)
	}
	s.extensions = append(s.extensions, r)
	out := reply(map[string]any{"extension": restExtension(r)})
	out.status = http.StatusCreated
	return out
}

func (s *Server) actionsOf(service string) int {
	count := 0
	for _, r := range s.extensions {
		if slices.Contains(r.Services, service) {
			count++
		}
	}
	return count
}

func (s *Server) listExtensions(in *exchange) answer {
	service := in.URL.Query().Get("extension_object_id")
	shown := []any{}
	for _, r := range s.extensions {
		if service == "" || slices.Contains(r.Services, service) {
			shown = append(shown, restExtension(r))
		}
	}
	return list(in, "extensions", shown)
}

func (s *Server) enableExtension(in *exchange) answer {
	found := s.extension(in.PathValue("id"))
	if found == nil {
		return refuse(404, 2100, "Not Found")
	}
	found.enable()
	return reply(map[string]any{"extension": restExtension(found)})
}

func (s *Server) deleteExtension(in *exchange) answer {
	found := s.extension(in.PathValue("id"))
	if found == nil {
		return refuse(404, 2100, "Not Found")
	}
	s.extensions = slices.DeleteFunc(s.extensions, func(one *receiver) bool { return one == found })
	return answer{status: http.StatusNoContent}
}

func (s *Server) extension(id string) *receiver {
	return find(s.extensions, func(r *receiver) bool { return r.ID == id })
}

func restExtension(r *receiver) map[string]any {
	objects := []any{}
	for _, id := range r.Services {
		objects = append(objects, map[string]any{
			"id": id, "type": "service_reference", "summary": nil,
			"self": "https://api.pagerduty.com/services/" + id, "html_url": account + "/services/" + id,
		})
	}
	return map[string]any{
		"id": r.ID, "type": "extension", "summary": r.Name, "name": r.Name, "endpoint_url": r.URL,
		"self": "https://api.pagerduty.com/extensions/" + r.ID, "html_url": nil,
		"extension_objects": objects, "temporarily_disabled": r.Disabled, "config": map[string]any{},
		"extension_schema": map[string]any{
			"id": customActionSchema, "type": "extension_schema_reference", "summary": "Custom Incident Action",
			"self": "https://api.pagerduty.com/extension_schemas/" + customActionSchema, "html_url": nil,
		},
	}
}

package sandbox

import (
	"encoding/json"
	"net/http"
)

// Parameters answers GetParameters of Systems Manager from a map of names to values.
type Parameters map[string]string

// ServeHTTP implements http.Handler.
func (p Parameters) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Names          []string `json:"Names"`
		WithDecryption bool     `json:"WithDecryption"`
	}
	err := json.NewDecoder(r.Body).Decode(&request)
	if err != nil || !request.WithDecryption || len(request.Names) > 10 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	response := struct {
		Parameters        []map[string]string `json:"Parameters"`
		InvalidParameters []string            `json:"InvalidParameters"`
	}{}
	for _, name := range request.Names {
		value, ok := p[name]
		if !ok {
			response.InvalidParameters = append(response.InvalidParameters, name)
			continue
		}
		response.Parameters = append(response.Parameters, map[string]string{"Name": name, "Value": value})
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(response)
}

package httpx_test

import (
	"net/http"
	"testing"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
)

// BenchmarkDo is what a call that goes well costs beyond the network: a POST with a small
// body and a small answer.
func BenchmarkDo(b *testing.B) {
	client := newClient(b, httpx.Config{Transport: transport(func(*http.Request) (*http.Response, error) {
		return answer(http.StatusCreated, `{"id":1}`), nil
	})})
	b.ReportAllocs()
	for b.Loop() {
		req := newRequest(b, "POST", vendor, `{"topic":"incident"}`)
		if _, err := client.Do(req); err != nil {
			b.Fatal(err)
		}
	}
}

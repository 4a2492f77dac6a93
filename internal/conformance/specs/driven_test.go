package specs_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/incidentbridge/incidentbridge/internal/conformance/specs"
)

// drive is a method that a test calls, and whether the call is to work.
type drive struct {
	method string
	works  bool
}

// undriven names the methods of a client that are not called to both a good and a bad
// end, so that a new one cannot be forgotten here; local ones call nobody.
func undriven[Client any](drives []drive, local ...string) []string {
	var faults []string
	for method := range reflect.TypeFor[Client]().Methods() {
		good, bad := false, false
		for _, d := range drives {
			if d.method == method.Name {
				good, bad = good || d.works, bad || !d.works
			}
		}
		if (!good || !bad) && !slices.Contains(local, method.Name) {
			faults = append(faults, fmt.Sprintf("%s is called to a good end: %t, to a bad one: %t", method.Name, good, bad))
		}
	}
	return faults
}

// fakeVendor is a fake with a log of what reached it.
type fakeVendor[Request any] interface {
	Handler() http.Handler
	Requests(ops ...string) []Request
}

// undrivenRoutes names the published operations that the fake serves and that no call
// here brought to a good end, so that a new one cannot be forgotten either.
func undrivenRoutes[R any](contract *specs.Contract, fake fakeVendor[R], base string) []string {
	var faults []string
	for _, operation := range contract.Operations() {
		method, path, _ := strings.Cut(operation, " ")
		path = base + pathParameter.ReplaceAllString(path, "1")
		fake.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, path, strings.NewReader("{}")))
		all := fake.Requests()
		served := reflect.ValueOf(all[len(all)-1]).FieldByName("Op").String() != ""
		if served && !contract.Drove(operation) {
			faults = append(faults, operation+" is served by the fake, and no call was answered well")
		}
	}
	return faults
}

var pathParameter = regexp.MustCompile(`\{[^}]+\}`)

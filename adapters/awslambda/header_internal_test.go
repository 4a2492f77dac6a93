package awslambda

import (
	"encoding/json"
	"net/http"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// Reading headers by hand finds what encoding/json finds.
func FuzzHeaders(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { "a" : "1" , "B" : "2,3" } `, `{"x":"\"quoted\" \\ \u00e9"}`, `{"x\"\\":"y"}`, `{"n":null,"a":":{},"}`, `null`,
		`{"a":1}`, `{"a":["b"]}`, `[]`, `"a"`, `{"a":"1","A":"2"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var byHand singles
		gotErr := json.Unmarshal(text, &byHand)
		var usual map[string]*string
		wantErr := json.Unmarshal(text, &usual)
		if (gotErr == nil) != (wantErr == nil) {
			t.Fatalf("%v by hand, %v as usual", gotErr, wantErr)
		}
		if gotErr != nil || !utf8.Valid(text) {
			return
		}
		want := http.Header{}
		for name, value := range usual {
			if value == nil {
				continue
			}
			put(want, name, []string{*value})
		}
		for name, values := range want {
			if len(values) > 1 || len(byHand[name]) > 1 {
				return // the same name twice, in whatever order
			}
		}
		if len(want)+len(byHand) == 0 {
			return // nil or empty
		}
		if diff := cmp.Diff(want, http.Header(byHand)); diff != "" {
			t.Errorf("(-usual +by hand):\n%s", diff)
		}
	})
}

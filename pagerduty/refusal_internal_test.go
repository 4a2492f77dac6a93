package pagerduty

import (
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzErrorBody(f *testing.F) {
	for _, body := range []string{
		`{"error":{"message":"Invalid Input Provided","code":2001,"errors":["One","Two"]}}`,
		`{"error":{"message":"Slow down","code":2020}}`,
		`{"error":{"message":"No","code":2001,"errors":"One"}}`,
		`{"error":{"message":"No","code":2001,"errors":{"a.b":["One",{"c":["Two"]}]}}}`,
		`{"error":["One","Two"]}`, `{"error":"text"}`, `{"error":null}`, `null`, `[]`, ``, `<html>`,
		`{"error":"see https://example.com/secret-key"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		const secret = "secret-key"
		answer := &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{}}
		err := answerError(request{op: "op", method: http.MethodGet}, answer, body, []string{secret}, func() []string { return nil })
		text := err.Error()
		if strings.Contains(text, secret) || len(text) > 5000 || strings.ContainsAny(text, "\n\r\x00") {
			t.Errorf("error is unfit for a log: %q", text)
		}
		if utf8.Valid(body) && !utf8.ValidString(text) {
			t.Errorf("error is not UTF-8: %q", text)
		}
	})
}

package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
)

func TestSamples(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), &out, io.Discard, 2, 29*time.Second); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, line := range []string{
		"ms  201\n", `{"batchItemFailures":[{"itemIdentifier":"invalid"}]}`, `{"due":0,"failed":0}`, "function error",
		"5 meetings were created for 5 incidents",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no %q in\n%s", line, &out)
		}
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// reportInit reports to Lambda why the function does not start, so that an invocation
// fails with that error and not only with the exit of the process. See
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-initerror.
func reportInit(ctx context.Context, api, kind string, cause error) {
	if api == "" {
		return // not on Lambda
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	body, err := json.Marshal(map[string]string{"errorType": kind, "errorMessage": cause.Error()})
	if err != nil {
		return
	}
	url := "http://" + api + "/2018-06-01/runtime/init/error"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return
	}
	r.Header.Set("Lambda-Runtime-Function-Error-Type", "Runtime."+kind)
	if resp, err := new(http.Client).Do(r); err == nil {
		resp.Body.Close()
	}
}

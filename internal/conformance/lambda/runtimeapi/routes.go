package runtimeapi

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"syscall"
)

// maxPayload is Lambda's limit for a response.
const maxPayload = 6 << 20

func (e *Environment) routes() http.Handler {
	const runtime = "/2018-06-01/runtime"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtime+"/invocation/next", e.serveNext)
	mux.HandleFunc("POST "+runtime+"/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		response, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
		if err != nil {
			e.setOutcome(r.PathValue("id"), outcome{err: &FunctionError{"Function.ResponseSizeTooLarge", err.Error()}})
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		writeStatus(w, e.setOutcome(r.PathValue("id"), outcome{response: response}))
	})
	mux.HandleFunc("POST "+runtime+"/invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) {
		writeStatus(w, e.setOutcome(r.PathValue("id"), outcome{err: functionError(r)}))
	})
	mux.HandleFunc("POST "+runtime+"/init/error", func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		e.initError = functionError(r)
		e.mu.Unlock()
		writeStatus(w, true)
	})
	return mux
}

// serveNext holds the poll until there is an event.
func (e *Environment) serveNext(w http.ResponseWriter, r *http.Request) {
	e.finish()
	<-e.started
	e.signal(syscall.SIGSTOP)
	select {
	case inv := <-e.next:
		e.signal(syscall.SIGCONT)
		deadline := e.begin(inv)
		header := w.Header()
		header.Set("Content-Type", "application/json")
		header.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
		header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(deadline.UnixMilli(), 10))
		header.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:incidentbridge")
		_, _ = w.Write(inv.payload)
	case <-r.Context().Done():
	}
}

func functionError(r *http.Request) *FunctionError {
	reported := &FunctionError{}
	if err := json.NewDecoder(io.LimitReader(r.Body, maxPayload)).Decode(reported); err != nil {
		reported.Type, reported.Message = r.Header.Get("Lambda-Runtime-Function-Error-Type"), "not JSON"
	}
	return reported
}

func writeStatus(w http.ResponseWriter, ok bool) {
	if !ok {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`)
}

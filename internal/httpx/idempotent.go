package httpx

import (
	"context"
	"net/http"
)

type idempotentKey struct{}

// Idempotent returns a context that says whether a request made with it may be sent twice. Without it the
// method decides: GET, HEAD, OPTIONS, TRACE, PUT and DELETE may, POST, PATCH and all others may not.
func Idempotent(ctx context.Context, yes bool) context.Context {
	return context.WithValue(ctx, idempotentKey{}, yes)
}

func idempotent(req *http.Request) bool {
	if yes, ok := req.Context().Value(idempotentKey{}).(bool); ok {
		return yes
	}
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

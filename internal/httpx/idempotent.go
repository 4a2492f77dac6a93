package httpx

import (
	"context"
	"net/http"
)

type idempotentKey struct{}

// Idempotent returns a context whose requests may be sent twice, or may not. Without it
// the method decides: GET, HEAD, OPTIONS, TRACE, PUT and DELETE may, POST, PATCH and all
// others may not.
func Idempotent(ctx context.Context, yes bool) context.Context {
	return context.WithValue(ctx, idempotentKey{}, yes)
}

func isIdempotent(req *http.Request) bool {
	if yes, ok := req.Context().Value(idempotentKey{}).(bool); ok {
		return yes
	}
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace,
		http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

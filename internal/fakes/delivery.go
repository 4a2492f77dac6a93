package fakes

import (
	"bytes"
	"context"
	"net/http"
)

// Delivery is a webhook request that a vendor sends.
type Delivery struct {
	Header http.Header
	Body   []byte
}

// Request returns the POST that carries the delivery to target.
func (d Delivery) Request(ctx context.Context, target string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(d.Body))
	if err != nil {
		return nil, err
	}
	r.Header = d.Header.Clone()
	return r, nil
}

package httpx

import (
	"bytes"
	"io"
	"net/http"
)

// maxAnswer is the longest body taken from a vendor, after decompression.
const maxAnswer = 1 << 20

// readAnswer replaces resp's body by one in memory, and returns its content. Reading to the end is what frees the
// connection for the next request.
func readAnswer(resp *http.Response) ([]byte, error) {
	if resp.Body == nil {
		resp.Body = http.NoBody
	}
	defer func(body io.Closer) { _ = body.Close() }(resp.Body)

	var content bytes.Buffer
	if resp.ContentLength > 0 && resp.ContentLength <= maxAnswer {
		content.Grow(int(resp.ContentLength) + bytes.MinRead)
	}
	n, err := content.ReadFrom(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if n > maxAnswer {
		return nil, ErrTooLarge
	}
	resp.Body = io.NopCloser(bytes.NewReader(content.Bytes()))
	return content.Bytes(), nil
}

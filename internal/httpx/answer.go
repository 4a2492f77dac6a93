package httpx

import (
	"bytes"
	"io"
	"net/http"
)

// maxBody is the longest body taken from a vendor, after decompression.
const maxBody = 1 << 20

// readAnswer replaces resp's body by one in memory, and returns its content. The
// connection can be reused only after its body has been read to the end.
func readAnswer(resp *http.Response) ([]byte, error) {
	if resp.Body == nil {
		resp.Body = http.NoBody
	}
	defer func(body io.Closer) { _ = body.Close() }(resp.Body)

	var content bytes.Buffer
	if resp.ContentLength > 0 && resp.ContentLength <= maxBody {
		content.Grow(int(resp.ContentLength) + bytes.MinRead)
	}
	n, err := content.ReadFrom(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return nil, err
	}
	if n > maxBody {
		return nil, ErrTooLarge
	}
	resp.Body = io.NopCloser(bytes.NewReader(content.Bytes()))
	return content.Bytes(), nil
}

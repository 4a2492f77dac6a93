package specs

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"

	"github.com/getkin/kin-openapi/openapi3"
)

// formats are those that the library only knows by name. An empty text is always right:
// both vendors write it for nothing at all.
func formats() map[string]openapi3.StringFormatValidator {
	return map[string]openapi3.StringFormatValidator{
		"email": openapi3.NewCallbackValidator(address),
		"url":   openapi3.NewCallbackValidator(link),
		"uri":   openapi3.NewCallbackValidator(link),
	}
}

func address(text string) error {
	if text == "" {
		return nil
	}
	parsed, err := mail.ParseAddress(text)
	if err != nil || parsed.Address != text {
		return fmt.Errorf("%q is not an e-mail address", text)
	}
	return nil
}

func link(text string) error {
	if text == "" {
		return nil
	}
	parsed, err := url.Parse(text)
	if err != nil || parsed.Scheme == "" || parsed.Host == "" {
		return errors.New("not an absolute URL")
	}
	return nil
}

package redact

import "strings"

// Words returns what a vendor says, fit to be repeated: without links, without bearer and basic credentials, and without
// the secrets that it was told, which some repeat in an error.
func Words(text string, secrets ...string) string {
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, placeholder)
		}
	}
	text = absoluteURL.ReplaceAllString(text, "[link]")
	return credentials.ReplaceAllString(text, "${1}"+placeholder)
}

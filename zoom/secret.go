package zoom

import "github.com/incidentbridge/incidentbridge/internal/redact"

// Secret is a string that prints as "[redacted]" in every fmt verb, in JSON and in slog;
// an empty one stays empty. Convert it with string(s) where the real value is needed.
type Secret = redact.Secret

package dynamodb_test

import (
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
	"github.com/incidentbridge/incidentbridge/examples/internal/stores/dynamodb"
)

func TestOpen(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	for _, tt := range []struct{ address, want string }{
		{"dynamodb://table?region=eu-central-1", ""},
		{"dynamodb://table?region=eu-central-1&endpoint=http%3A%2F%2F127.0.0.1%3A8000", ""},
		{"dynamodb://table", "no region"},
		{"dynamodb://table/path?region=eu-central-1", "must be dynamodb://TABLE"},
		{"dynamodb://key:geheim@table?region=eu-central-1", "must be dynamodb://TABLE"},
		{"dynamodb://table?region=eu-central-1&profile=geheim", "nothing else"},
	} {
		_, err := dynamodb.Open(t.Context(), tt.address, slog.New(slog.DiscardHandler))
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.address, err, tt.want)
		}
		if _, wrong := errors.AsType[*settings.Error](err); err != nil && !wrong {
			t.Errorf("%s: %v is no error of the settings", tt.address, err)
		}
		if err != nil && strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: the error tells of the address: %v", tt.address, err)
		}
	}
	t.Setenv("AWS_REGION", "eu-central-1")
	if _, err := dynamodb.Open(t.Context(), "dynamodb://table", nil); err != nil {
		t.Errorf("with AWS_REGION: %v", err)
	}
}

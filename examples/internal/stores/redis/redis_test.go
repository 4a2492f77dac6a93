package redis_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
	"github.com/incidentbridge/incidentbridge/examples/internal/stores/redis"
)

func TestOpenRefusesAnAddressThatIsNone(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"redis://:geheim@cache.example.com/zero",
		"redis://:geheim@cache.example.com:port",
	} {
		_, err := redis.Open(t.Context(), address, nil)
		if _, wrong := errors.AsType[*settings.Error](err); !wrong || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v, want an error of the settings that does not tell the address", address, err)
		}
	}
}

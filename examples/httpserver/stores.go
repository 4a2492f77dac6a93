package main

import (
	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
	"github.com/incidentbridge/incidentbridge/examples/internal/stores/postgres"
	"github.com/incidentbridge/incidentbridge/examples/internal/stores/redis"
	"github.com/incidentbridge/incidentbridge/examples/internal/stores/sqlite"
)

// openers returns the stores that this program supports besides memory.
func openers() map[string]settings.Opener {
	return map[string]settings.Opener{"sqlite": sqlite.Open, "postgres": postgres.Open, "redis": redis.Open}
}

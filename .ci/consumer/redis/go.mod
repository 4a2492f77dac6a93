module example.com/redis

go 1.26.0

require (
	github.com/incidentbridge/incidentbridge v0.1.0
	github.com/incidentbridge/incidentbridge/tokenstore/redisstore v0.1.0
	github.com/redis/go-redis/v9 v9.23.0
)

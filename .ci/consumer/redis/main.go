// A program of somebody who keeps the records in Redis.
package main

import (
	"log"

	"github.com/redis/go-redis/v9"

	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/redisstore"
)

func main() {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379", ContextTimeoutEnabled: true})
	defer client.Close()
	store, err := redisstore.New(client)
	if err != nil {
		log.Fatal(err)
	}
	var _ tokenstore.Store = store
}

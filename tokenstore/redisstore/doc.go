// Package redisstore keeps the records of a [tokenstore.Store] in Redis 7.0 or later, one
// server or a cluster.
//
//	client := redis.NewClient(&redis.Options{Addr: "redis.internal:6379", ContextTimeoutEnabled: true})
//	defer client.Close()
//	store, err := redisstore.New(client)
//
// # What the server must promise
//
// The ledger and the tokens rely on acknowledged writes. Redis keeps them through a crash
// only with these settings, which [CheckDurability] checks:
//
//	maxmemory-policy noeviction
//	appendonly       yes
//	appendfsync      always
//
// Replication is asynchronous: a fail-over to a replica, a Sentinel's or a cluster's, may
// lose the last acknowledged writes whatever the settings, and a primary that was cut off
// still takes writes that are dropped later. A lost write may cost a second meeting for
// an incident, or a refresh token and with it the consent. The settings
// min-replicas-to-write 1 and min-replicas-max-lag make the window small and do not close
// it. This package sends no WAIT, which would not close it either. Where that is not
// enough, use PostgreSQL, DynamoDB, or a service that answers only after a durable log of
// several zones has the write.
//
// # How it keeps the contract
//
// Each call on a record is one Lua script on the primary: it is never answered by a
// replica, nor by the client's own cache. Put's condition is "the version is the old one
// or the new one", so it is harmless that go-redis sends a command again whose reply was
// lost. A Delete that is sent again returns ErrConflict although the first copy has
// removed the record. Expiry goes by the clock of Redis.
//
// A record is a hash, and due records are in a sorted set by time. Both carry the number
// of one of 16 shards as their hash tag, so that a cluster keeps them in one slot and
// spreads the shards:
//
//	incidentbridge:{12}:record:bridge/acme/P1    the record
//	incidentbridge:{12}:due:bridge               due records of shard 12 under the first segment "bridge"
//
// Due merges the shards. One call reads at most 256 members of each, however many are
// due, so a page may be short, or empty, while next is not "". Members whose record has
// expired are dropped when a page meets them.
//
// A user of Redis's ACL needs the key pattern of the prefix and the commands evalsha,
// eval, hget, hmget, hset, del, exists, persist, pexpireat, zadd, zrem, zcount and
// zrange; for CheckDurability also config|get.
package redisstore

// Package nosql tests tokenstore/redisstore and tokenstore/dynamostore against real
// servers: the Redis and the dynalite of .ci/services, and Redis servers of a test's own,
// which it kills, fills up or joins to a cluster.
package nosql

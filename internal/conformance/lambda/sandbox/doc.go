// Package sandbox has what the Lambda function needs on this machine: its bootstrap, both
// vendors as fakes, dynalite as DynamoDB, and events as AWS would send them. The local
// runner, the benchmark and the tests share it.
package sandbox

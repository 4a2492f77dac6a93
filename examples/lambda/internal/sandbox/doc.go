// Package sandbox is what the function needs around it on this machine: its bootstrap, both vendors as fakes, a DynamoDB
// stand-in, and events as AWS would make them. The local runner, the benchmark and the tests share it.
package sandbox

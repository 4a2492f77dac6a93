// Package runtimeapi runs the bootstrap of a Lambda function on this machine, as Lambda
// would: it serves the Runtime API, freezes a process that waits for an event, and kills
// a process that exceeds its timeout.
//
// An [Environment] is one process, which handles one event at a time; a [Function] starts
// as many as it needs. See
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. This does not prove
// what AWS does, only what this repository's program does with the real runtime client.
package runtimeapi

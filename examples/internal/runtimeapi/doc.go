// Package runtimeapi runs the bootstrap of a Lambda function on this machine, as Lambda would: it is the Runtime API that
// the bootstrap asks for events, it freezes a process that waits for one, and it ends a process that takes too long.
//
// An [Environment] is one process, which has one event at a time; a [Function] has as many as it needs. See
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. It is no proof of what AWS does, only of what this
// repository's program does with the real runtime client.
package runtimeapi

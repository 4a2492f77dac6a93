// Package awslambda runs the routes of package nethttp as an AWS Lambda function: events become requests, and answers what
// the sender of the event reads.
//
//	routes, err := nethttp.NewHandler(svc, nethttp.PagerDutySecrets(secret))
//	handler, err := awslambda.NewHandler(routes, svc)
//	lambda.Start(handler.Respond) // github.com/aws/aws-lambda-go/lambda
//
// The package needs no AWS library. A [Handler] is a lambda.Handler by its method Invoke; Respond is the better one for
// whoever starts it with aws-lambda-go. The whole program, with its template, is examples/lambda.
//
// # Events
//
// An event is told by its shape; one of another shape is [ErrUnknownEvent].
//
//	API Gateway HTTP API (2.0), function URL     the request, and an answer with cookies
//	API Gateway REST API (1.0)                   the request, and an answer with multi-value headers
//	Application Load Balancer                    the same; multi-value headers where the target group has them on
//	SQS                                          each message as a request; those to be sent again are named
//	EventBridge rule or Scheduler on a schedule  Reconcile
//	EventBridge partner source of PagerDuty      each event as a webhook
//
// A body in base64 is decoded before anybody looks at it, so signatures are checked over the bytes that were signed. No
// header is ever split at a comma. A body that is not UTF-8 is answered in base64.
//
// The stage of an HTTP API is taken off the path on API Gateway's own domain, where it is part of it. The base path of a
// custom domain stays, and no route has one: map the API to the domain's root. A load balancer without multi-value headers
// can set one cookie per answer; its health check asks for /healthz.
//
// # Queues
//
// A message is a request: its body is the body, and its attributes of type String are the headers. What it asks for is told
// by them:
//
//	X-PagerDuty-Signature  a V3 webhook, body and header as PagerDuty sent them: /webhooks/pagerduty
//	X-Zm-Signature         a webhook of Zoom, with X-Zm-Request-Timestamp: /webhooks/zoom; good for five minutes
//	neither                a custom action in the V2 format, or a workflow's body: /actions/pagerduty
//
// Messages of the third kind are let in by an attribute Authorization, or by [Queue]. X-Webhook-Id is the message's id
// unless an attribute gives it, so a message that SQS delivers twice opens once.
//
// A message is done once the ledger holds it, and when it was understood and will never succeed (forbidden, no such
// incident, resolved): that is logged. Every other one is reported as failed, alone, so that SQS delivers it again and at
// last moves it to the dead-letter queue: a vendor that is down, and also a body that nobody can read (signed or not), a
// wrong signature, or an app that is not installed.
// Turn ReportBatchItemFailures on, and let messages live no longer than a trigger is good for: a workflow's body has no time
// of its own.
//
// # Partner events
//
// [PartnerEvents] serves PagerDuty's partner event source, by rule on its event bus. The detail is a V3 event, with or
// without its envelope {"event": …}. There is no signature; that the event comes from the named source is AWS's word, and
// whoever may invoke the function could forge it. What is not served is an error, so that Lambda tries again.
//
// # Time
//
// The work for an event ends shortly before Lambda's deadline ([WithMargin]). A trigger that is in the ledger by then is
// answered 202, and the schedule finishes it; one that is not is answered 503, or reported, and comes again. Nothing is at
// work after an invocation is over, since the process is frozen then: Invoke waits for it before it returns, Respond after
// the answer is out. An opening that does not end by then is cut short, and given back to the ledger ([bridge.WithHardDeadline]); no
// meeting is asked for in the last two seconds.
//
// A refresh of a grant by consent is the exception, because cutting it off may cost the grant. None is sent in the last two
// seconds. One that was sent earlier and is not answered goes on when the process does; so does the saving of its tokens.
// Give the function ten seconds or more.
//
// # Concurrency
//
// A [Handler] is safe for concurrent use, keeps nothing between events and need not be closed.
package awslambda

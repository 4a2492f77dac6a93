// Package awslambda runs the routes of package nethttp as an AWS Lambda function: events
// become requests, and responses take the form that the sender of the event expects.
//
//	routes, err := nethttp.NewHandler(svc, nethttp.PagerDutySecrets(secret))
//	handler, err := awslambda.NewHandler(routes, svc)
//	lambda.Start(handler.Respond) // github.com/aws/aws-lambda-go/lambda
//
// The package needs no AWS library. A [Handler] implements lambda.Handler with its method
// Invoke; with aws-lambda-go, Respond is the better choice. The whole program, with its
// template, is examples/lambda.
//
// # Events
//
// The kind of an event is detected from its structure; any other structure is
// [ErrUnknownEvent].
//
//	API Gateway HTTP API (2.0), function URL     the request, and a response with cookies
//	API Gateway REST API (1.0)                   the request, and a response with multi-value headers
//	Application Load Balancer                    the same; multi-value headers if the target group has them on
//	SQS                                          each message as a request; failed messages are reported
//	EventBridge rule or Scheduler on a schedule  Reconcile
//	EventBridge partner source of PagerDuty      each event as a webhook
//
// A base64 body is decoded first, so signatures are checked over the bytes that were
// signed. Headers are never split at commas. A response body that is not UTF-8 is sent in
// base64.
//
// On API Gateway's own domain the path of an HTTP API starts with the stage, which is
// removed. The base path of a custom domain is kept and no route has one, so map the API
// to the root of the domain. A load balancer without multi-value headers can set one
// cookie per response. Use /healthz for its health check.
//
// # Queues
//
// A message is a request: its body is the body, and its attributes of type String are the
// headers. The headers select the route:
//
//	X-PagerDuty-Signature  a V3 webhook, body and header as PagerDuty sent them: /webhooks/pagerduty
//	X-Zm-Signature         a Zoom webhook, with X-Zm-Request-Timestamp: /webhooks/zoom; valid for five minutes
//	neither                a custom action in the V2 format, or a workflow's body: /actions/pagerduty
//
// Messages of the third kind are authenticated by an attribute Authorization, or by
// [Queue]. X-Webhook-Id is the message's id unless an attribute sets it, so a message
// that SQS delivers twice opens one bridge.
//
// A message is done once the ledger holds its trigger, and also when it was understood
// and can never succeed (forbidden, no such incident, resolved): that is logged. Every
// other message is reported as failed, so SQS delivers that one again and finally moves
// it to the dead-letter queue: a vendor is down, the body is unreadable (signed or not),
// the signature is wrong, or the app is not installed. Set ReportBatchItemFailures, and a
// retention no longer than a trigger is valid: a workflow's body has no time of its own.
//
// # Partner events
//
// [PartnerEvents] serves PagerDuty's partner event source, through a rule on its event
// bus. The detail is a V3 event, with or without its envelope {"event": …}. There is no
// signature: AWS guarantees the source, and anyone who may invoke the function could
// forge an event. A failed event is returned as an error, so Lambda retries it.
//
// # Time
//
// An event is served until shortly before Lambda's deadline ([WithMargin]). A trigger
// that is in the ledger by then is answered 202, and the schedule finishes it; any other
// trigger is answered 503, or reported as failed, and will be delivered again. Nothing
// runs after an invocation, because the process is frozen then: Invoke waits for
// background work before it returns, Respond after the response is sent. An opening that
// is not finished by then stops and hands its record back to the ledger
// ([bridge.WithHardDeadline]). No meeting is requested in the last two seconds.
//
// A refresh of an OAuth grant is the exception, because interrupting it may lose the
// grant. None is started in the last two seconds. One that was started earlier and is
// still unanswered resumes when the process is thawed, and so does saving its tokens.
// Give the function a timeout of ten seconds or more.
//
// # Concurrency
//
// A [Handler] is safe for concurrent use, keeps no state between events and need not be
// closed.
package awslambda

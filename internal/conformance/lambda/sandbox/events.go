package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"
)

// The events have the structure of adapters/awslambda/testdata/events, whose README names
// the sources.

// FunctionURLEvent returns a POST to the function URL with its body in base64, as AWS
// sends content that is not text.
func FunctionURLEvent(path string, header http.Header, body []byte) []byte {
	flat := map[string]string{"host": "abcdefg.lambda-url.us-east-1.on.aws", "x-forwarded-proto": "https"}
	for name, values := range header {
		flat[strings.ToLower(name)] = strings.Join(values, ",")
	}
	return encode(map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": flat,
		"requestContext": map[string]any{
			"domainName": "abcdefg.lambda-url.us-east-1.on.aws", "stage": "$default",
			"http": map[string]any{"method": http.MethodPost, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7"},
		},
		"body": base64.StdEncoding.EncodeToString(body), "isBase64Encoded": true,
	})
}

// RESTEvent returns a request to a REST API of API Gateway.
func RESTEvent(method, path string, header http.Header, body []byte) []byte {
	return encode(map[string]any{
		"resource": "/{proxy+}", "path": path, "httpMethod": method, "multiValueHeaders": header, "body": string(body),
		"requestContext": map[string]any{"stage": "prod", "identity": map[string]any{"sourceIp": "203.0.113.7"}},
	})
}

// LoadBalancerEvent returns a request to an Application Load Balancer.
func LoadBalancerEvent(method, path string, header http.Header, body []byte) []byte {
	return encode(map[string]any{
		"path": path, "httpMethod": method, "multiValueHeaders": header, "body": string(body),
		"requestContext": map[string]any{"elb": map[string]any{"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:1:x"}},
	})
}

// Message is a message of an SQS batch. Attributes become headers.
type Message struct {
	ID         string
	Body       string
	Attributes http.Header
}

// QueueEvent returns an SQS batch.
func QueueEvent(messages ...Message) []byte {
	records := []any{}
	for _, m := range messages {
		attributes := map[string]any{}
		for name := range maps.Keys(m.Attributes) {
			attributes[name] = map[string]any{"stringValue": m.Attributes.Get(name), "dataType": "String"}
		}
		records = append(records, map[string]any{
			"messageId": m.ID, "body": m.Body, "messageAttributes": attributes,
			"eventSource": "aws:sqs", "eventSourceARN": QueueARN, "awsRegion": "us-east-1",
		})
	}
	return encode(map[string]any{"Records": records})
}

// PartnerEvent returns an event of PagerDuty's EventBridge source with the body of a
// webhook.
func PartnerEvent(body []byte) []byte {
	return encode(map[string]any{
		"version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "detail-type": "incident.triggered", "source": Source,
		"time": time.Now().UTC().Format(time.RFC3339), "detail": json.RawMessage(body),
	})
}

// ScheduleEvent returns an event of EventBridge Scheduler.
func ScheduleEvent() []byte {
	return encode(map[string]any{
		"version": "0", "id": "37666ae6-48cf-4285-b4c6-a3320b38824a", "detail-type": "Scheduled Event",
		"source": "aws.scheduler", "time": time.Now().UTC().Format(time.RFC3339), "detail": "{}",
	})
}

// Response is the function's response to an HTTP event.
type Response struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Cookies    []string          `json:"cookies"`
	Body       string            `json:"body"`
}

// ParseResponse parses a response in any of the HTTP formats.
func ParseResponse(text []byte) (Response, error) {
	var r Response
	if err := json.Unmarshal(text, &r); err != nil {
		return r, err
	}
	if r.StatusCode == 0 {
		return r, fmt.Errorf("sandbox: not a response to an HTTP event: %.200s", text)
	}
	return r, nil
}

func encode(event map[string]any) []byte {
	text, err := json.Marshal(event)
	if err != nil {
		panic(err) // maps and strings always encode
	}
	return text
}

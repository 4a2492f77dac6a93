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

// What follows makes events in the shapes of adapters/awslambda/testdata/events, whose README names their sources.

// URL is a POST to the function URL, its body in base64 as it comes when the content is not text.
func URL(path string, header http.Header, body []byte) []byte {
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

// REST is a request to a REST API of API Gateway.
func REST(method, path string, header http.Header, body []byte) []byte {
	event := map[string]any{
		"resource": "/{proxy+}", "path": path, "httpMethod": method, "multiValueHeaders": header, "body": string(body),
		"requestContext": map[string]any{"stage": "prod", "identity": map[string]any{"sourceIp": "203.0.113.7"}},
	}
	return encode(event)
}

// LoadBalancer is REST behind an Application Load Balancer.
func LoadBalancer(method, path string, header http.Header, body []byte) []byte {
	return encode(map[string]any{
		"path": path, "httpMethod": method, "multiValueHeaders": header, "body": string(body),
		"requestContext": map[string]any{"elb": map[string]any{"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:1:x"}},
	})
}

// Message is one of an SQS batch. Attributes become headers.
type Message struct {
	ID         string
	Body       string
	Attributes http.Header
}

// Queue is a batch of SQS.
func Queue(messages ...Message) []byte {
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

// Partner is an event of PagerDuty's EventBridge source. The body is a webhook's.
func Partner(body []byte) []byte {
	return encode(map[string]any{
		"version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "detail-type": "incident.triggered", "source": Source,
		"time": time.Now().UTC().Format(time.RFC3339), "detail": json.RawMessage(body),
	})
}

// Schedule is what EventBridge Scheduler sends.
func Schedule() []byte {
	return encode(map[string]any{
		"version": "0", "id": "37666ae6-48cf-4285-b4c6-a3320b38824a", "detail-type": "Scheduled Event",
		"source": "aws.scheduler", "time": time.Now().UTC().Format(time.RFC3339), "detail": "{}",
	})
}

// Answer is what the function says to an HTTP event.
type Answer struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Cookies    []string          `json:"cookies"`
	Body       string            `json:"body"`
}

// ParseAnswer reads an answer in any of the HTTP formats.
func ParseAnswer(text []byte) (Answer, error) {
	var a Answer
	if err := json.Unmarshal(text, &a); err != nil {
		return a, err
	}
	if a.StatusCode == 0 {
		return a, fmt.Errorf("no answer to an HTTP event: %.200s", text)
	}
	return a, nil
}

func encode(event map[string]any) []byte {
	text, err := json.Marshal(event)
	if err != nil {
		panic(err) // nothing in it can fail
	}
	return text
}

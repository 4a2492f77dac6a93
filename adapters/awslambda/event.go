package awslambda

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json" // encoding/json/v2, for Go before 1.27: it reads an event in half the time
	"github.com/go-json-experiment/json/jsontext"
)

// event has the fields of every kind of event, so that one pass over the payload reads it and tells which it is.
type event struct {
	Version string `json:"version"`

	// API Gateway, function URL and load balancer.
	HTTPMethod        string              `json:"httpMethod"`
	Path              string              `json:"path"`
	RawPath           string              `json:"rawPath"`
	RawQuery          string              `json:"rawQueryString"`
	Query             map[string]string   `json:"queryStringParameters"`
	MultiValueQuery   map[string][]string `json:"multiValueQueryStringParameters"`
	Headers           singles             `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	Cookies           []string            `json:"cookies"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
	RequestContext    struct {
		Stage      string    `json:"stage"`
		DomainName string    `json:"domainName"`
		ELB        *struct{} `json:"elb"`
		HTTP       struct {
			Method   string `json:"method"`
			SourceIP string `json:"sourceIp"`
		} `json:"http"`
		Identity struct {
			SourceIP string `json:"sourceIp"`
		} `json:"identity"`
	} `json:"requestContext"`

	// SQS.
	Records []message `json:"Records"`

	// EventBridge.
	ID         string         `json:"id"`
	Source     string         `json:"source"`
	DetailType string         `json:"detail-type"`
	Detail     jsontext.Value `json:"detail"`
}

// kind is where an event comes from, as far as it makes a difference.
type kind string

const (
	unknown      kind = ""
	httpAPI      kind = "httpAPI" // format 2.0: HTTP APIs and function URLs
	restAPI      kind = "restAPI" // format 1.0: REST APIs, and HTTP APIs that are told so
	loadBalancer kind = "loadBalancer"
	queue        kind = "queue"
	schedule     kind = "schedule"
	partner      kind = "partner"
)

func parseEvent(payload []byte) (*event, error) {
	var e event
	// An odd byte or name somewhere in a request is for the routes to judge.
	lenient := json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err := json.Unmarshal(payload, &e, lenient); err != nil {
		return nil, fmt.Errorf("%w: it has another shape", ErrUnknownEvent) // err may show what the event holds
	}
	return &e, nil
}

func (e *event) kind() kind {
	switch {
	case len(e.Records) > 0:
		return kindOf(e.Records)
	case e.DetailType == "Scheduled Event" && (e.Source == "aws.events" || e.Source == "aws.scheduler"):
		return schedule
	case e.DetailType != "" && strings.HasPrefix(e.Source, partnerPrefix):
		return partner
	case e.DetailType != "":
		return unknown
	case e.Version == "2.0" && e.RequestContext.HTTP.Method != "":
		return httpAPI
	case e.HTTPMethod != "" && e.RequestContext.ELB != nil:
		return loadBalancer
	case e.HTTPMethod != "" && e.Path != "":
		return restAPI
	default:
		return unknown
	}
}

// kindOf says whether all the records are messages of SQS: other services send records, too.
func kindOf(records []message) kind {
	for _, r := range records {
		if r.EventSource != "aws:sqs" {
			return unknown
		}
	}
	return queue
}

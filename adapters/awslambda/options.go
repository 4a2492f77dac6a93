package awslambda

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// defaultMargin is enough to write an answer and to send it.
const defaultMargin = 500 * time.Millisecond

// Option changes how a Handler works. Options may come in any order; a bad one makes NewHandler fail.
type Option func(*Handler) error

// WithMargin sets how long before Lambda's deadline an event is answered. What is still at work then has four fifths of
// that to end. Default 500 ms.
func WithMargin(d time.Duration) Option {
	return func(h *Handler) error {
		if d <= 0 {
			return fmt.Errorf("awslambda: WithMargin: %v is not positive", d)
		}
		h.margin = d
		return nil
	}
}

// WithLogger logs triggers that are refused, and work that did not end in time. Default: no log.
func WithLogger(logger *slog.Logger) Option {
	return func(h *Handler) error {
		if logger == nil {
			return errors.New("awslambda: WithLogger: nil logger")
		}
		h.logger = logger
		return nil
	}
}

// PartnerEvents serves the events of PagerDuty's EventBridge source, such as "aws.partner/pagerduty.com/1234/name". AWS
// vouches for where they come from, so they have no signature: they are handed to the routes as webhooks signed with
// secret, which must be one that the routes accept. A random one, made by this process for this process, is best.
func PartnerEvents(source, secret string) Option {
	return func(h *Handler) error {
		if name, ok := strings.CutPrefix(source, partnerPrefix); !ok || name == "" {
			return fmt.Errorf("awslambda: PartnerEvents: the source must be %s…", partnerPrefix)
		}
		if secret == "" {
			return errors.New("awslambda: PartnerEvents: no secret")
		}
		h.partner = &partnerSource{name: source, secret: secret}
		return nil
	}
}

// Queue trusts every message of the SQS queue with this ARN as the routes trust a caller with this action token: who may
// send to the queue is AWS's to say. Without it a message needs a signature, or an Authorization attribute of its own. A
// random token, made by this process for this process, is best.
func Queue(arn, token string) Option {
	return func(h *Handler) error {
		if part := strings.Split(arn, ":"); len(part) != 6 || part[0] != "arn" || part[2] != "sqs" || slices.Contains(part, "") {
			return errors.New("awslambda: Queue: not arn:aws:sqs:REGION:ACCOUNT:NAME")
		}
		if token == "" {
			return errors.New("awslambda: Queue: no token")
		}
		h.queue = &trustedQueue{arn: arn, token: token}
		return nil
	}
}

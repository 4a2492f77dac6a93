package awslambda

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// defaultMargin is enough to hand back openings and to send the response.
const defaultMargin = 500 * time.Millisecond

// Option configures a Handler. The order of options does not matter; NewHandler returns
// the error of an invalid one.
type Option func(*Handler) error

// WithMargin sets how long before Lambda's deadline an event is answered. Work that is
// still running then has four fifths of the margin to end. Default 500 ms.
func WithMargin(d time.Duration) Option {
	return func(h *Handler) error {
		if d <= 0 {
			return fmt.Errorf("awslambda: WithMargin: %v is not positive", d)
		}
		h.margin = d
		return nil
	}
}

// WithLogger logs triggers that were not served, and work that did not end in time. By
// default nothing is logged.
func WithLogger(logger *slog.Logger) Option {
	return func(h *Handler) error {
		if logger == nil {
			return errors.New("awslambda: WithLogger: nil logger")
		}
		h.logger = logger
		return nil
	}
}

// PartnerEvents serves the events of PagerDuty's EventBridge source, such as
// "aws.partner/pagerduty.com/1234/name". AWS guarantees the source, so the events carry
// no signature: the handler signs them with secret and passes them to the routes as
// webhooks. The routes must accept that secret; use a random one made by this process.
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

// Queue trusts every message of the SQS queue with this ARN as the routes trust a caller
// with this action token: the queue's policy decides who may send. Without it a message
// needs a signature or an Authorization attribute. Use a random token made by this
// process.
func Queue(arn, token string) Option {
	return func(h *Handler) error {
		part := strings.Split(arn, ":")
		if len(part) != 6 || part[0] != "arn" || part[2] != "sqs" || slices.Contains(part, "") {
			return errors.New("awslambda: Queue: not arn:aws:sqs:REGION:ACCOUNT:NAME")
		}
		if token == "" {
			return errors.New("awslambda: Queue: no token")
		}
		h.queue = &trustedQueue{arn: arn, token: token}
		return nil
	}
}

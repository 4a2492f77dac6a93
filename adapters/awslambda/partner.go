package awslambda

import (
	"bytes"
	"encoding/json"
)

// partnerPrefix starts the names of PagerDuty's event sources. AWS reserves it for
// PagerDuty.
const partnerPrefix = "aws.partner/pagerduty.com/"

// partnerSource is the event source of one PagerDuty account.
type partnerSource struct{ name, secret string }

// webhookBody returns the detail of a partner event in the form of a webhook, with the
// event inside an envelope.
func webhookBody(detail []byte) []byte {
	var bare struct {
		Type string `json:"event_type"`
	}
	if err := json.Unmarshal(detail, &bare); err != nil || bare.Type == "" {
		return detail
	}
	return bytes.Join([][]byte{[]byte(`{"event":`), detail, []byte(`}`)}, nil)
}

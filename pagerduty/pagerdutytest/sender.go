package pagerdutytest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"
)

const (
	eventTime   = 5 * time.Second // to answer an event in
	actionTime  = 16 * time.Second
	keepTrying  = 48 * time.Hour
	disabledFor = 24 * time.Hour
	tooLarge    = 256 << 10 // bytes of a payload that is not sent at all
)

// Outcome is the result of an attempt to deliver something.
type Outcome string

// The outcomes.
const (
	Delivered Outcome = "delivered" // 2xx in time
	Retrying  Outcome = "retrying"  // timeout, 5xx, 429, no connection: sent again, and deliveries behind it wait
	Dropped   Outcome = "dropped"   // any other answer, a TLS error, after 48 hours: never sent again
)

// Attempt is one request that [Server.Deliver] made.
type Attempt struct {
	Receiver string // id of the subscription or extension
	Delivery Delivery
	Status   int // 0: no answer
	Err      error
	Outcome  Outcome
}

// SenderTransport returns a transport that connects as PagerDuty does: with TLS 1.2 only,
// and following no redirects. The roots are those of the test's receiver.
func SenderTransport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{TLSClientConfig: &tls.Config{ //nolint:gosec // PagerDuty speaks no newer TLS
		MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, RootCAs: roots,
	}}
}

// outbox is the deliveries queued for a receiver, one queue for each incident. Queues do
// not wait for each other.
type outbox struct {
	lines []*line
	drops int // in a row
	until time.Time
}

type line struct {
	incident string
	waiting  []pending
}

type pending struct {
	delivery Delivery
	since    time.Time
}

func (o *outbox) queue(incident string, d Delivery) {
	at := slices.IndexFunc(o.lines, func(l *line) bool { return l.incident == incident })
	if at < 0 {
		o.lines = append(o.lines, &line{incident: incident})
		at = len(o.lines) - 1
	}
	o.lines[at].waiting = append(o.lines[at].waiting, pending{d, time.Now()})
}

func (r *receiver) enable() { r.Disabled, r.drops = false, 0 }

// Press queues what a press of a custom incident action sends, for Deliver. An empty
// agentID is null. It panics when there is no such extension.
func (s *Server) Press(extensionID, incidentID, agentID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.extension(extensionID)
	if found == nil {
		panic("pagerdutytest: no extension has the id " + extensionID)
	}
	delivery := s.action(agentID, incidentID)
	maps.Copy(delivery.Header, found.Headers)
	if !found.Disabled {
		found.queue(incidentID, delivery)
	}
}

// Deliver sends what is queued for subscriptions and extensions, oldest first, and
// returns its attempts. A failed delivery stays queued, with those behind it for the same
// incident, until the next call: nothing waits here. PagerDuty's rules apply: 5 seconds
// to answer an event, 16 to answer a press; three drops in a row disable the receiver for
// 24 hours and empty its queue; a delivery is dropped after 48 hours. A nil transport is
// http.DefaultTransport.
func (s *Server) Deliver(ctx context.Context, transport http.RoundTripper) []Attempt {
	s.mu.Lock()
	receivers := slices.Concat(s.subscriptions, s.extensions)
	s.mu.Unlock()
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var attempts []Attempt
	for _, r := range receivers {
		blocked := map[string]bool{}
		for {
			incident, next, found := s.next(r, blocked)
			if !found {
				break
			}
			attempt := r.try(ctx, client, next)
			s.settleDelivery(r, incident, attempt.Outcome)
			blocked[incident] = attempt.Outcome == Retrying
			attempts = append(attempts, attempt)
		}
	}
	return attempts
}

// next returns the first delivery of the oldest queue that is not blocked.
func (s *Server) next(r *receiver, blocked map[string]bool) (string, pending, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Disabled && time.Now().After(r.until) {
		r.enable()
	}
	for _, l := range r.lines {
		if len(l.waiting) > 0 && !blocked[l.incident] {
			return l.incident, l.waiting[0], true
		}
	}
	return "", pending{}, false
}

func (s *Server) settleDelivery(r *receiver, incident string, outcome Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if outcome == Retrying {
		return
	}
	for _, l := range r.lines {
		if l.incident == incident && len(l.waiting) > 0 {
			l.waiting = l.waiting[1:]
		}
	}
	if outcome == Delivered {
		r.drops = 0
		return
	}
	r.drops++
	if r.drops == 3 {
		r.Disabled, r.until, r.lines = true, time.Now().Add(disabledFor), nil
	}
}

func (r *receiver) try(ctx context.Context, client *http.Client, p pending) Attempt {
	attempt := Attempt{Receiver: r.ID, Delivery: p.delivery, Outcome: Dropped}
	if time.Since(p.since) > keepTrying || len(p.delivery.Body) > tooLarge {
		return attempt
	}
	limit := eventTime
	if r.Name != "" {
		limit = actionTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	request, err := p.delivery.Request(ctx, r.URL)
	if err != nil {
		attempt.Err = err
		return attempt
	}
	resp, err := client.Do(request)
	if err != nil {
		attempt.Err, attempt.Outcome = err, outcomeOf(err)
		return attempt
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	resp.Body.Close()
	attempt.Status = resp.StatusCode
	switch status := resp.StatusCode; {
	case status/100 == 2:
		attempt.Outcome = Delivered
	case status >= 500, status == http.StatusTooManyRequests:
		attempt.Outcome = Retrying
	}
	return attempt
}

// outcomeOf returns Retrying for errors that may pass: all but those of TLS, of which
// only an expired certificate may.
func outcomeOf(err error) Outcome {
	if expired, ok := errors.AsType[x509.CertificateInvalidError](err); ok && expired.Reason == x509.Expired {
		return Retrying
	}
	_, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, isAlert := errors.AsType[tls.AlertError](err)
	_, isRecord := errors.AsType[tls.RecordHeaderError](err)
	remote, isOp := errors.AsType[*net.OpError](err)
	if isCertificate || isAlert || isRecord || (isOp && remote.Op == "remote error") {
		return Dropped
	}
	return Retrying
}

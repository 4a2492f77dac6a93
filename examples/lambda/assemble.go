package main

import (
	"context"
	"crypto/rand"
	"io"

	"github.com/incidentbridge/incidentbridge/adapters/awslambda"
	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
	"github.com/incidentbridge/incidentbridge/examples/internal/stores/dynamodb"
)

// Settings of this program besides those of the other examples. None is a secret.
const (
	eventSource = "PAGERDUTY_EVENT_SOURCE" // EventBridge source of PagerDuty's partner events
	queueARN    = "TRIGGER_QUEUE_ARN"      // SQS queue whose senders are trusted
)

// assemble returns the handler that environ configures.
func assemble(ctx context.Context, environ map[string]string, stderr io.Writer) (*awslambda.Handler, error) {
	if err := resolveSecrets(ctx, environ, loadAWS); err != nil {
		return nil, err
	}
	s, err := load(environ)
	if err != nil {
		return nil, err
	}
	logger := s.Logger(stderr)
	openers := map[string]settings.Opener{"dynamodb": dynamodb.Open}
	backend, err := s.OpenStore(ctx, openers, logger) // never closed: Lambda kills the process
	if err != nil {
		return nil, err
	}
	trusted, err := trustedSources(s, environ) // before the routes, which need the new credentials
	if err != nil {
		return nil, err
	}
	svc, routes, err := s.Assemble(backend.Store, logger)
	if err != nil {
		return nil, err
	}
	return awslambda.NewHandler(routes, svc, append(trusted, awslambda.WithLogger(logger))...)
}

// load is settings.Load without the demo, which has no browser here.
func load(environ map[string]string) (*settings.Settings, error) {
	s, err := settings.Load(environ)
	if err != nil {
		return nil, err
	}
	if s.Demo {
		return nil, &settings.Error{Missing: []string{"ZOOM_ACCOUNT_ID", "PAGERDUTY_TOKEN"}}
	}
	return s, nil
}

// trustedSources returns options for the sources that AWS authenticates. It adds
// credentials to the settings that only this process knows.
func trustedSources(s *settings.Settings, environ map[string]string) ([]awslambda.Option, error) {
	var opts []awslambda.Option
	if source := environ[eventSource]; source != "" {
		secret := rand.Text()
		opt := awslambda.PartnerEvents(source, secret)
		if opt(new(awslambda.Handler)) != nil {
			return nil, settings.InvalidSetting(eventSource, "must be like aws.partner/pagerduty.com/1234567/name")
		}
		opts = append(opts, opt)
		s.PagerDutyWebhookSecrets = append(s.PagerDutyWebhookSecrets, settings.Secret(secret))
	}
	if arn := environ[queueARN]; arn != "" {
		token := rand.Text()
		opt := awslambda.Queue(arn, token)
		if opt(new(awslambda.Handler)) != nil {
			return nil, settings.InvalidSetting(queueARN, "must be the ARN of an SQS queue")
		}
		opts = append(opts, opt)
		s.ActionTokens = append(s.ActionTokens, settings.Secret(token))
	}
	return opts, nil
}

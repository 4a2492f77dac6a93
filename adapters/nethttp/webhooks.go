package nethttp

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/zoom"
)

// The V3 events that do more than ask for a bridge, and the one that PagerDuty sends on
// request.
const (
	eventResolved      = "incident.resolved"
	eventReopened      = "incident.reopened"
	eventBridgeUpdated = "incident.conference_bridge.updated"
	eventPing          = "pagey.ping"
)

// webhookID is the header that names a delivery. It stays the same when PagerDuty sends
// the delivery again.
const webhookID = "X-Webhook-Id"

// storeUnavailable is the detail of a 503 that the store is the cause of.
const storeUnavailable = "The store of this service does not answer. Try again in a moment."

// pagerDutyWebhook takes PagerDuty's V3 events.
type pagerDutyWebhook struct {
	svc       Service
	verifier  *pagerduty.Verifier // nil: no secrets in the configuration
	installed installation
	logger    *slog.Logger
}

func (w *pagerDutyWebhook) routes() []route {
	return []route{{"POST /webhooks/pagerduty", pagerDutyBudget, public, w.handle}}
}

func (w *pagerDutyWebhook) handle(ctx context.Context, r *http.Request, body []byte) response {
	if refusal, ok := w.verify(ctx, r.Header, body); !ok {
		return refusal
	}
	event, err := pagerduty.ParseEvent(body)
	if err != nil {
		return codeResponse(http.StatusOK, codeBadRequest)
	}
	if event.IncidentID == "" {
		if strings.HasPrefix(event.Type, "incident.") {
			return codeResponse(http.StatusOK, codeBadRequest)
		}
		return codeResponse(http.StatusOK, codeIgnored) // a ping, or an event of a service
	}
	event.ID = cmp.Or(event.ID, r.Header.Get(webhookID))
	return w.handleEvent(ctx, event)
}

// verify checks the signature against the configured secrets, then against the installed
// one. Without ok the response goes to the sender.
func (w *pagerDutyWebhook) verify(
	ctx context.Context, header http.Header, body []byte,
) (refusal response, ok bool) {
	err := pagerduty.ErrBadSignature
	if w.verifier != nil {
		err = w.verifier.Verify(header, body)
	}
	if err == nil && !isPing(body) {
		return response{}, true
	}
	// A ping with a configured secret may be signed with the installed one as well.
	installedErr := w.verifyInstalled(ctx, header, body)
	switch {
	case err == nil, installedErr == nil:
		return response{}, true
	case errors.Is(installedErr, install.ErrNotInstalled) && w.verifier == nil:
		return problemResponse(codeNotFound, noRoute), false
	case errors.Is(installedErr, install.ErrNotInstalled):
		return problemResponse(codeUnauthorized, signatureDetail(err)), false
	case errors.Is(installedErr, install.ErrUnavailable): // PagerDuty would drop the event on a 401
		return problemResponse(codeUnavailable, storeUnavailable).retryAfter(defaultRetry), false
	default:
		return problemResponse(codeUnauthorized, signatureDetail(installedErr)), false
	}
}

// verifyInstalled checks the signature against the installed secret. A ping that passes
// shows that PagerDuty reaches this service.
func (w *pagerDutyWebhook) verifyInstalled(ctx context.Context, header http.Header, body []byte) error {
	secret, err := w.installed.WebhookSecret(ctx)
	if err != nil {
		return err
	}
	verifier, err := pagerduty.NewVerifier([]string{string(secret)})
	if err != nil {
		return err
	}
	if err := verifier.Verify(header, body); err != nil || !isPing(body) {
		return err
	}
	if err := w.installed.MarkReachable(ctx); err != nil {
		w.logger.LogAttrs(ctx, slog.LevelWarn, "could not record PagerDuty's ping", slog.Any("error", err))
	}
	return nil
}

func isPing(body []byte) bool {
	event, err := pagerduty.ParseEvent(body)
	return err == nil && event.Type == eventPing
}

func (w *pagerDutyWebhook) handleEvent(ctx context.Context, event *pagerduty.Event) response {
	switch event.Type {
	case eventResolved:
		b, err := w.svc.Close(ctx, event.IncidentID, bridge.CloseResolved)
		if err != nil {
			return webhookResponse(err)
		}
		return closedResponse(b)
	case eventBridgeUpdated:
		if err := w.svc.IncidentChanged(ctx, event.IncidentID, eventLink(event)); err != nil {
			return webhookResponse(err)
		}
		return codeResponse(http.StatusOK, codeVerified)
	case eventReopened:
		err := w.svc.IncidentChanged(ctx, event.IncidentID, bridge.Link{})
		if err != nil && !errors.Is(err, bridge.ErrNotFound) {
			return webhookResponse(err)
		}
	}
	return openForWebhook(ctx, w.svc, requestFrom(event))
}

// eventLink is the bridge that the incident has according to the event.
func eventLink(event *pagerduty.Event) bridge.Link {
	if event.ConferenceBridge == nil {
		return bridge.Link{}
	}
	return bridge.Link{URL: event.ConferenceBridge.URL, DialIn: event.ConferenceBridge.DialIn}
}

// requestFrom turns any event of an incident into a request. The service decides whether
// it opens a bridge.
func requestFrom(event *pagerduty.Event) bridge.Request {
	trigger := bridge.Trigger{Kind: bridge.TriggerAutomatic, Event: event.Type}
	if event.Type == bridge.WorkflowStarted {
		trigger.Kind = bridge.TriggerWorkflow
	}
	if event.Workflow != nil {
		trigger.WorkflowID, trigger.WorkflowName = event.Workflow.ID, event.Workflow.Summary
	}
	return bridge.Request{
		IncidentID:     event.IncidentID,
		Requester:      requesterFrom(event.Agent),
		Trigger:        trigger,
		IdempotencyKey: event.ID,
		OccurredAt:     event.OccurredAt,
		Incident:       bridge.FromPagerDuty(event.Incident),
		NoteOnRefusal:  event.Type == bridge.WorkflowStarted, // a person pressed a button on the incident
	}
}

// requesterFrom is the user who caused a trigger. Services, integrations and workflows
// cause triggers too; they have no role that could be checked.
func requesterFrom(agent *pagerduty.Reference) bridge.Requester {
	if agent == nil || agent.Type != "user_reference" && agent.Type != "user" {
		return bridge.Requester{}
	}
	return bridge.Requester{ID: agent.ID}
}

// openForWebhook opens a bridge on behalf of PagerDuty, which understands few statuses.
func openForWebhook(ctx context.Context, svc Service, req bridge.Request) response {
	b, err := svc.Open(ctx, req)
	if err != nil {
		return webhookResponse(err)
	}
	return openedResponse(b)
}

// webhookResponse tells PagerDuty whether to send a failed trigger again: not if it
// cannot succeed or the ledger has it, and always if it is stored nowhere.
func webhookResponse(err error) response {
	code := codeOf(err)
	failure, ok := errors.AsType[*bridge.Error](err)
	if ok && failure.Kept {
		return withIncident(codeResponse(http.StatusAccepted, code), failure)
	}
	switch code {
	case codeBridgeNotFound:
		return withIncident(codeResponse(http.StatusOK, codeIgnored), failure)
	case codeBadRequest, codeForbidden, codeIncidentNotFound, codeIncidentResolved, codeNotInstalled, codeIgnored,
		codeTriggerTooOld:
		return withIncident(codeResponse(http.StatusOK, code), failure)
	default:
		return problemWithCode(err, codeUnavailable) // the only code with status 503; the detail has the cause
	}
}

func withIncident(resp response, failure *bridge.Error) response {
	if failure != nil {
		resp.incidentID = failure.IncidentID
	}
	return resp
}

// zoomWebhook takes Zoom's events and answers its validation of the endpoint.
type zoomWebhook struct {
	verifier  *zoom.Verifier
	installed installation
	logger    *slog.Logger
}

func (w *zoomWebhook) routes() []route {
	return []route{{"POST /webhooks/zoom", zoomBudget, public, w.handle}}
}

func (w *zoomWebhook) handle(ctx context.Context, r *http.Request, body []byte) response {
	if err := w.verifier.Verify(r.Header, body); err != nil {
		return problemResponse(codeUnauthorized, signatureDetail(err))
	}
	if reply, ok := w.verifier.Challenge(r.Header, body); ok {
		return response{status: http.StatusOK, body: json.RawMessage(reply)}
	}
	event, err := zoom.ParseEvent(body)
	if err != nil {
		return codeResponse(http.StatusOK, codeBadRequest)
	}
	if event.Type == zoom.EventAppDeauthorized {
		return w.uninstall(ctx, event, zoom.SignedAt(r.Header))
	}
	return codeResponse(http.StatusOK, codeIgnored)
}

// uninstall handles the app's removal at Zoom. Zoom sends the event again until it gets a
// 2xx.
func (w *zoomWebhook) uninstall(ctx context.Context, event *zoom.Event, signedAt time.Time) response {
	at := event.DeauthorizedAt
	if at.IsZero() {
		at = cmp.Or(event.Time, signedAt)
	}
	report, uninstalled, err := w.installed.Uninstall(ctx, install.Deauthorization{
		ClientID: event.ClientID, AccountID: event.AccountID, At: at,
	})
	switch {
	case err != nil && !uninstalled:
		return problemResponse(codeUnavailable, "The uninstall could not be recorded. Send the event again.").
			retryAfter(defaultRetry)
	case !uninstalled:
		return codeResponse(http.StatusOK, codeIgnored)
	}
	w.logger.LogAttrs(ctx, slog.LevelWarn, "uninstalled at Zoom", slog.Any("left_at_pagerduty", report.Leftovers))
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		w.logger.LogAttrs(ctx, slog.LevelWarn, "uninstall not finished, will continue in the background",
			slog.Any("error", err))
	}
	return codeResponse(http.StatusOK, codeUninstalled)
}

// installation is what webhooks and buttons need of a *install.Installation.
type installation interface {
	WebhookSecret(ctx context.Context) (pagerduty.Secret, error)
	ActionToken(ctx context.Context) (pagerduty.Secret, error)
	MarkReachable(ctx context.Context) error
	Uninstall(ctx context.Context, d install.Deauthorization) (r install.UninstallReport, ok bool, err error)
}

// noInstallation is the installation of a service whose apps are not installed through
// /install.
type noInstallation struct{}

func installationOf(i *install.Installation) installation {
	if i == nil {
		return noInstallation{}
	}
	return i
}

func (noInstallation) WebhookSecret(context.Context) (pagerduty.Secret, error) {
	return "", install.ErrNotInstalled
}

func (noInstallation) ActionToken(context.Context) (pagerduty.Secret, error) {
	return "", install.ErrNotInstalled
}

func (noInstallation) MarkReachable(context.Context) error { return install.ErrNotInstalled }

func (noInstallation) Uninstall(
	context.Context, install.Deauthorization,
) (r install.UninstallReport, ok bool, err error) {
	return install.UninstallReport{}, false, nil
}

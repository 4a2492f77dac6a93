package bridge

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
)

// Zoom fits a Zoom client to a Service. A meeting is made under the requester's e-mail
// when it is known and Zoom knows it, else under host, else under more in order. A host
// is an e-mail, a Zoom user id, or zoom.Me for the user that the client's token belongs
// to. Where the app is installed by consent, use InstalledZoom. New fails for a nil
// client or an empty host.
func Zoom(client *zoom.Client, host string, more ...string) Provider {
	return zoomMeetings{client: client, pool: append([]string{host}, more...)}
}

// InstalledZoom is Zoom for an app that is installed by consent: if Zoom accepts no token
// of its grant any more, errors match ErrReauthorize, because only a new consent helps.
// zoom.Me is the administrator who installed it.
func InstalledZoom(client *zoom.Client, host string, more ...string) Provider {
	return zoomMeetings{client: client, pool: append([]string{host}, more...), installed: true}
}

type zoomMeetings struct {
	client    *zoom.Client
	pool      []string
	installed bool // by consent
}

// validate is called by New.
func (z zoomMeetings) validate() error {
	if z.client == nil {
		return errors.New("bridge: Zoom: nil client")
	}
	if slices.Contains(z.pool, "") {
		return errors.New("bridge: Zoom: host is empty")
	}
	return nil
}

func (zoomMeetings) Name() string { return "zoom" }

func (z zoomMeetings) Hosts(email string) []string {
	hosts := make([]string, 0, len(z.pool)+1)
	if email != "" {
		hosts = append(hosts, email)
	}
	for _, host := range z.pool {
		if !slices.ContainsFunc(hosts, func(h string) bool { return strings.EqualFold(h, host) }) {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// Prepare gets the token; whether that worked is for Create to find out.
func (z zoomMeetings) Prepare(ctx context.Context) { _ = z.client.Authorize(ctx) }

func (z zoomMeetings) Create(ctx context.Context, host string, spec MeetingSpec) (*Meeting, error) {
	yes, no, atAnyTime, noRegistration := true, false, 0, 2
	m, err := z.client.CreateMeeting(ctx, host, zoom.MeetingRequest{
		Topic: spec.Topic, Agenda: spec.Agenda, Type: zoom.TypeScheduled, StartTime: spec.Start, Timezone: "UTC",
		Settings: zoom.MeetingSettings{
			JoinBeforeHost: &yes, JBHTime: &atAnyTime, WaitingRoom: &no, UsePMI: &no,
			Audio: "both", EncryptionType: "enhanced_encryption", AutoRecording: string(spec.Recording),
			ApprovalType: &noRegistration, EmailNotification: &no, AlternativeHostsEmailNotification: &no,
		},
	})
	if errors.Is(err, zoom.ErrMissingScopes) && host != zoom.Me && slices.Contains(z.pool, zoom.Me) {
		// The app of a single user makes meetings under that user's name alone.
		return nil, &vendorError{
			kind: errors.Join(ErrProvider, ErrNextHost), err: err, message: "the Zoom app may not use the host",
		}
	}
	if err != nil {
		return nil, z.mapError(err)
	}
	meeting := zoomMeetingFor(m, host, spec)
	if host == zoom.Me && m.HostEmail != "" {
		meeting.Host = m.HostEmail
	}
	return meeting, nil
}

func (z zoomMeetings) Meetings(ctx context.Context, host string) iter.Seq2[*Meeting, error] {
	return func(yield func(*Meeting, error) bool) {
		for m, err := range z.client.Meetings(ctx, host) {
			if errors.Is(err, zoom.ErrHost) {
				return // who is not there has no meetings
			}
			if err != nil {
				yield(nil, z.mapError(err))
				return
			}
			if !yield(zoomMeeting(m, host), nil) {
				return
			}
		}
	}
}

func (z zoomMeetings) Meeting(ctx context.Context, id string, spec MeetingSpec) (*Meeting, error) {
	number, err := meetingNumber(id)
	if err != nil {
		return nil, err
	}
	m, err := z.client.Meeting(ctx, number)
	if err != nil {
		return nil, z.mapError(err)
	}
	return zoomMeetingFor(m, m.HostEmail, spec), nil
}

func (z zoomMeetings) End(ctx context.Context, id string) error {
	number, err := meetingNumber(id)
	if err != nil {
		return err
	}
	if err := z.client.EndMeeting(ctx, number); err != nil {
		return z.mapError(err)
	}
	return nil
}

func (z zoomMeetings) Delete(ctx context.Context, id string) error {
	number, err := meetingNumber(id)
	if err != nil {
		return err
	}
	if err := z.client.DeleteMeeting(ctx, number); err != nil {
		return z.mapError(err)
	}
	return nil
}

const reauthorizeZoom = "Zoom does not accept the installed app any more: install it again"

// mapError is zoomError for an app that may be installed: only a new consent mends a
// grant whose tokens Zoom rejects.
func (z zoomMeetings) mapError(err error) error {
	fault := zoomError(err)
	if z.installed && errors.Is(err, zoom.ErrUnauthorized) && !errors.Is(fault, ErrNotInstalled) {
		return &vendorError{kind: ErrReauthorize, err: err, message: reauthorizeZoom}
	}
	return fault
}

func meetingNumber(id string) (int64, error) {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %q is not a Zoom meeting id", ErrGone, truncate(id, 40))
	}
	return number, nil
}

func zoomMeeting(m *zoom.Meeting, host string) *Meeting {
	return &Meeting{
		ID: strconv.FormatInt(m.ID, 10), Host: host, JoinURL: m.JoinURL, Agenda: m.Agenda,
		CreatedAt: m.CreatedAt, Started: m.Status == zoom.StatusStarted,
	}
}

// zoomMeetingFor is a meeting with what the spec asks for.
func zoomMeetingFor(m *zoom.Meeting, host string, spec MeetingSpec) *Meeting {
	meeting := zoomMeeting(m, host)
	meeting.DialIns = dialIns(m, spec.DialIn)
	meeting.Warnings = zoomWarnings(m, spec, meeting.DialIns)
	return meeting
}

// zoomWarnings compares what Zoom applied with what was asked: account settings win
// silently.
func zoomWarnings(m *zoom.Meeting, spec MeetingSpec, dialIns []string) []string {
	var warnings []string
	warn := func(isSo bool, text string) {
		if isSo {
			warnings = append(warnings, text)
		}
	}
	is := func(flag *bool) bool { return flag != nil && *flag }
	s := m.Settings
	warn(s.JoinBeforeHost != nil && !*s.JoinBeforeHost,
		"Zoom lets nobody in before the host: allow join before host in the account's settings")
	warn(s.JBHTime != nil && *s.JBHTime != 0, "Zoom lets people in only minutes before the start")
	warn(is(s.WaitingRoom), "Zoom put people in a waiting room: the host must let them in")
	warn(is(s.MeetingAuthentication), "Zoom admits only people who are signed in")
	warn(is(s.UsePMI), "Zoom used the host's personal meeting id: other meetings may share it")
	warn(spec.Recording != "" && s.AutoRecording != "" && s.AutoRecording != string(spec.Recording),
		"Zoom does not record as asked")
	warn(!spec.DialIn.Off && len(dialIns) == 0, "Zoom has no dial-in number for this host: the link is the only way in")
	return warnings
}

// zoomError says in bridge's words what Zoom's error means, with a sentence for people:
// what failed, and what to do about it.
func zoomError(err error) error {
	permanent := errors.Join(ErrProvider, ErrPermanent)
	kind, message := ErrProvider, "Zoom did not accept the meeting"
	switch {
	case errors.Is(err, tokenstore.ErrNotInstalled):
		kind, message = ErrNotInstalled, "the Zoom app is not installed: install it"
	case errors.Is(err, tokenstore.ErrReauthorize):
		kind, message = ErrReauthorize, reauthorizeZoom
	case errors.Is(err, zoom.ErrInDoubt):
		kind, message = errors.Join(ErrProvider, ErrInDoubt), "Zoom does not answer"
	case errors.Is(err, zoom.ErrUnavailable):
		message = "Zoom does not answer"
	case errors.Is(err, zoom.ErrNotFound):
		kind, message = ErrGone, "Zoom has no such meeting"
	case errors.Is(err, zoom.ErrHost):
		kind, message = errors.Join(ErrProvider, ErrNextHost), "the host is no Zoom user who can hold meetings"
	case errors.Is(err, zoom.ErrDailyLimit):
		kind, message = errors.Join(ErrProvider, ErrNextHost, ErrRateLimited), "the host has reached Zoom's daily limit"
	case errors.Is(err, zoom.ErrRateLimited):
		kind, message = errors.Join(ErrProvider, ErrRateLimited), "Zoom's rate limit is reached"
	case errors.Is(err, zoom.ErrMissingScopes):
		kind, message = permanent, "the Zoom app lacks scopes"+scopesOf(err)+": add them to the app"
	case errors.Is(err, zoom.ErrCredentials), errors.Is(err, zoom.ErrUnauthorized):
		kind, message = permanent, "Zoom did not accept the app's credentials: check them"
	}
	return &vendorError{kind: kind, err: err, message: message}
}

func scopesOf(err error) string {
	var e *zoom.Error
	if !errors.As(err, &e) || len(e.Scopes) == 0 {
		return ""
	}
	return ": " + strings.Join(e.Scopes, ", ")
}

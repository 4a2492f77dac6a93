package zoom

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
)

// The meeting types a request may ask for. Answers may hold others.
const (
	TypeInstant   = 1 // nobody can join before the host, and it is in no list: not for incidents
	TypeScheduled = 2 // the default
	TypeRecurring = 3 // recurring without a fixed time
)

// The values of Meeting.Status.
const (
	StatusWaiting = "waiting"
	StatusStarted = "started"
)

// MeetingRequest describes the meeting to make. Everything is optional. Settings that are
// left out are those of the host and the account, which seldom suit an incident: see
// MeetingSettings.
//
// In an update, what is left out stays as it is.
type MeetingRequest struct {
	Topic          string          // at most 200 characters
	Agenda         string          // at most 2000 characters; lists return the first 250
	Type           int             // in a create TypeScheduled when 0
	StartTime      time.Time       // sent in UTC to the second; zero or past means now
	Duration       time.Duration   // sent in whole minutes, rounded up; 0 leaves it to Zoom (60)
	Timezone       string          // an IANA name, for display only
	Password       Secret          // at most 10 characters; "": Zoom makes one that fits the account's rules
	TrackingFields []TrackingField // the account must define them; lists do not return them
	Settings       MeetingSettings
}

// TrackingField is a value that a Zoom account keeps with its meetings, for reports.
type TrackingField struct {
	Field string `json:"field"`
	Value string `json:"value"`
}

// MeetingSettings are the settings of a meeting. A nil pointer or an empty value is not
// sent and means "as the host and the account have it", not false. Zoom silently ignores
// a setting that the account has locked: compare the settings of the answer.
type MeetingSettings struct {
	JoinBeforeHost        *bool  `json:"join_before_host,omitempty"` // needs WaitingRoom false
	JBHTime               *int   `json:"jbh_time,omitempty"`         // minutes before the start: 0 (any time), 5, 10, 15
	WaitingRoom           *bool  `json:"waiting_room,omitempty"`     // true turns JoinBeforeHost off
	UsePMI                *bool  `json:"use_pmi,omitempty"`          // true: every meeting shares the host's personal id
	MeetingAuthentication *bool  `json:"meeting_authentication,omitempty"`
	Audio                 string `json:"audio,omitempty"`           // both, telephony, voip, thirdParty
	EncryptionType        string `json:"encryption_type,omitempty"` // enhanced_encryption; e2ee has no dial-in
	AutoRecording         string `json:"auto_recording,omitempty"`  // none, local, cloud
	ApprovalType          *int   `json:"approval_type,omitempty"`   // 2: no registration

	EmailNotification                 *bool `json:"email_notification,omitempty"`
	AlternativeHostsEmailNotification *bool `json:"alternative_hosts_email_notification,omitempty"`

	// AlternativeHosts are e-mail addresses. If one is not a licensed user of the
	// account, Zoom rejects the request.
	AlternativeHosts []string `json:"-"`

	GlobalDialInCountries []string       `json:"global_dial_in_countries,omitempty"` // ISO codes of two letters
	GlobalDialInNumbers   []DialInNumber `json:"-"`                                  // in answers only; often empty
}

// DialInNumber is a number that reaches a meeting by phone.
type DialInNumber struct {
	Country     string // ISO code of two letters
	CountryName string
	City        string // often empty
	Number      string // as Zoom writes it, with spaces
	Type        string // "toll" or "tollfree"
}

// Meeting is a meeting as Zoom describes it. Any field may be empty; in lists most are.
// The link that signs its holder in as the host is never read from an answer.
//
// JoinURL may contain the passcode: show it only to those who may join. A Meeting prints
// as its id alone.
type Meeting struct {
	ID            int64
	UUID          string // of the current or last session; another one after a restart
	HostID        string
	HostEmail     string
	Topic         string
	Agenda        string // cut to 250 characters in lists
	Type          int
	Status        string // StatusWaiting or StatusStarted
	StartTime     time.Time
	CreatedAt     time.Time
	Duration      time.Duration
	Timezone      string
	JoinURL       string
	Password      Secret
	PhonePassword Secret // the digits that callers by phone enter; empty: none
	PersonalID    string // the personal meeting id, when the meeting uses it
	Settings      MeetingSettings

	TrackingFields []TrackingField // never in lists
}

// String returns the meeting's id.
func (m Meeting) String() string { return "meeting " + strconv.FormatInt(m.ID, 10) }

// Format writes the same as String for every verb, so that no printed meeting contains a
// link.
func (m Meeting) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }

// LogValue logs the id alone.
func (m Meeting) LogValue() slog.Value { return slog.GroupValue(slog.Int64("id", m.ID)) }

// startTimeLayout is the only format Zoom accepts: UTC, whole seconds, no numeric offset.
const startTimeLayout = "2006-01-02T15:04:05Z"

// wireMeeting is a MeetingRequest in Zoom's JSON.
type wireMeeting struct {
	Topic          string          `json:"topic,omitempty"`
	Agenda         string          `json:"agenda,omitempty"`
	Type           int             `json:"type,omitempty"`
	StartTime      string          `json:"start_time,omitempty"`
	Duration       int64           `json:"duration,omitempty"`
	Timezone       string          `json:"timezone,omitempty"`
	Password       string          `json:"password,omitempty"`
	TrackingFields []TrackingField `json:"tracking_fields,omitempty"`
	Settings       wireSettings    `json:"settings,omitzero"`
}

type wireSettings struct {
	MeetingSettings
	AlternativeHosts string `json:"alternative_hosts,omitempty"` // separated by semicolons
}

func (m MeetingRequest) wire() (wireMeeting, error) {
	if m.Duration < 0 {
		return wireMeeting{}, fmt.Errorf("duration %s is negative", m.Duration)
	}
	for _, host := range m.Settings.AlternativeHosts {
		if host == "" || strings.ContainsAny(host, "; ,") {
			return wireMeeting{}, fmt.Errorf("alternative host %q is not an e-mail address", host)
		}
	}
	w := wireMeeting{
		Topic:          m.Topic,
		Agenda:         m.Agenda,
		Type:           m.Type,
		Duration:       int64((m.Duration + time.Minute - 1) / time.Minute),
		Timezone:       m.Timezone,
		Password:       string(m.Password),
		TrackingFields: m.TrackingFields,
		Settings: wireSettings{
			MeetingSettings:  m.Settings,
			AlternativeHosts: strings.Join(m.Settings.AlternativeHosts, ";"),
		},
	}
	w.Settings.MeetingSettings.AlternativeHosts = nil
	if !m.StartTime.IsZero() {
		w.StartTime = m.StartTime.UTC().Format(startTimeLayout)
	}
	return w, nil
}

func meetingFrom(o lenientjson.Object) *Meeting {
	m := &Meeting{
		ID:            o.Int("id"),
		UUID:          o.String("uuid"),
		HostID:        o.String("host_id"),
		HostEmail:     o.String("host_email"),
		Topic:         o.String("topic"),
		Agenda:        o.String("agenda"),
		Type:          int(o.Int("type")),
		Status:        o.String("status"),
		StartTime:     o.Time("start_time"),
		CreatedAt:     o.Time("created_at"),
		Duration:      minutes(o.Int("duration")),
		Timezone:      o.String("timezone"),
		JoinURL:       o.String("join_url"),
		Password:      Secret(o.String("password")),
		PhonePassword: Secret(o.String("pstn_password")),
		PersonalID:    o.String("pmi"),
		Settings:      settingsFrom(o.Object("settings")),
	}
	for _, field := range o.Objects("tracking_fields") {
		m.TrackingFields = append(m.TrackingFields, TrackingField{field.String("field"), field.String("value")})
	}
	return m
}

func settingsFrom(o lenientjson.Object) MeetingSettings {
	settings := MeetingSettings{
		JoinBeforeHost:        o.BoolPtr("join_before_host"),
		JBHTime:               o.IntPtr("jbh_time"),
		WaitingRoom:           o.BoolPtr("waiting_room"),
		UsePMI:                o.BoolPtr("use_pmi"),
		MeetingAuthentication: o.BoolPtr("meeting_authentication"),
		Audio:                 o.String("audio"),
		EncryptionType:        o.String("encryption_type"),
		AutoRecording:         o.String("auto_recording"),
		ApprovalType:          o.IntPtr("approval_type"),

		EmailNotification:                 o.BoolPtr("email_notification"),
		AlternativeHostsEmailNotification: o.BoolPtr("alternative_hosts_email_notification"),

		AlternativeHosts:      splitList(o.String("alternative_hosts")),
		GlobalDialInCountries: o.Strings("global_dial_in_countries"),
	}
	for _, number := range o.Objects("global_dial_in_numbers") {
		settings.GlobalDialInNumbers = append(settings.GlobalDialInNumbers, DialInNumber{
			Country:     number.String("country"),
			CountryName: number.String("country_name"),
			City:        number.String("city"),
			Number:      number.String("number"),
			Type:        number.String("type"),
		})
	}
	return settings
}

// splitList splits a string that is a list, by semicolons.
func splitList(s string) []string {
	var texts []string
	for text := range strings.SplitSeq(s, ";") {
		if text = strings.TrimSpace(text); text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// minutes returns n minutes, and 0 for what no meeting can last.
func minutes(n int64) time.Duration {
	if n < 0 || n > 1<<20 {
		return 0
	}
	return time.Duration(n) * time.Minute
}

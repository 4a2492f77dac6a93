package zoom

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// The meeting types a request may ask for. Answers may hold others.
const (
	TypeInstant   = 1 // nobody gets in before the host, and it is in no list: not for incidents
	TypeScheduled = 2 // the default
	TypeRecurring = 3 // recurring without a fixed time
)

// The values of Meeting.Status.
const (
	StatusWaiting = "waiting"
	StatusStarted = "started"
)

// MeetingRequest describes the meeting to make. Everything is optional; what is left out follows the settings of the
// host and of the account, which is seldom what an incident wants: see MeetingSettings.
//
// In an update, what is left out stays as it is.
type MeetingRequest struct {
	Topic          string          // at most 200 characters
	Agenda         string          // at most 2000 characters; lists give the first 250 back
	Type           int             // in a create TypeScheduled when 0
	StartTime      time.Time       // sent in UTC to the second; zero or past means now
	Duration       time.Duration   // sent in whole minutes, rounded up; 0 leaves it to Zoom (60)
	Timezone       string          // an IANA name, for display only
	Password       Secret          // at most 10 characters; "": Zoom makes one that fits the account's rules
	TrackingFields []TrackingField // the account must know them; lists do not give them back
	Settings       MeetingSettings
}

// TrackingField is a value that a Zoom account keeps with its meetings, for reports.
type TrackingField struct {
	Field string `json:"field"`
	Value string `json:"value"`
}

// MeetingSettings are the settings of a meeting. A nil pointer or an empty value is not sent and means "as the host and
// the account have it", not false. Zoom may apply something else than was asked for, without saying so, when the
// account has locked a setting: compare the settings of the answer.
type MeetingSettings struct {
	JoinBeforeHost        *bool  `json:"join_before_host,omitempty"` // needs WaitingRoom false
	JBHTime               *int   `json:"jbh_time,omitempty"`         // minutes before the start: 0 (any time), 5, 10, 15
	WaitingRoom           *bool  `json:"waiting_room,omitempty"`     // true switches JoinBeforeHost off
	UsePMI                *bool  `json:"use_pmi,omitempty"`          // true: every meeting shares the host's personal id
	MeetingAuthentication *bool  `json:"meeting_authentication,omitempty"`
	Audio                 string `json:"audio,omitempty"`           // both, telephony, voip, thirdParty
	EncryptionType        string `json:"encryption_type,omitempty"` // enhanced_encryption; e2ee has no dial-in
	AutoRecording         string `json:"auto_recording,omitempty"`  // none, local, cloud
	ApprovalType          *int   `json:"approval_type,omitempty"`   // 2: no registration

	EmailNotification                 *bool `json:"email_notification,omitempty"`
	AlternativeHostsEmailNotification *bool `json:"alternative_hosts_email_notification,omitempty"`

	// AlternativeHosts are e-mail addresses. One that is not a licensed user of the account makes Zoom refuse it all.
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
// JoinURL may carry the passcode: show it only to those who may join. A Meeting prints as its id alone.
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
	PhonePassword Secret // the digits a caller by phone has to type; empty: none
	PersonalID    string // the personal meeting id, when the meeting uses it
	Settings      MeetingSettings

	TrackingFields []TrackingField // never in lists
}

// String names the meeting by its id.
func (m Meeting) String() string { return "meeting " + strconv.FormatInt(m.ID, 10) }

// Format writes the same as String for every verb, so that no print of a meeting holds a link.
func (m Meeting) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }

// LogValue logs the id alone.
func (m Meeting) LogValue() slog.Value { return slog.GroupValue(slog.Int64("id", m.ID)) }

// startTimeLayout is the only form Zoom takes: UTC, whole seconds, no numeric offset.
const startTimeLayout = "2006-01-02T15:04:05Z"

// wireMeeting is a MeetingRequest as Zoom wants it.
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

func meetingFrom(o object) *Meeting {
	m := &Meeting{
		ID:            o.integer("id"),
		UUID:          o.text("uuid"),
		HostID:        o.text("host_id"),
		HostEmail:     o.text("host_email"),
		Topic:         o.text("topic"),
		Agenda:        o.text("agenda"),
		Type:          int(o.integer("type")),
		Status:        o.text("status"),
		StartTime:     o.time("start_time"),
		CreatedAt:     o.time("created_at"),
		Duration:      o.minutes("duration"),
		Timezone:      o.text("timezone"),
		JoinURL:       o.text("join_url"),
		Password:      Secret(o.text("password")),
		PhonePassword: Secret(o.text("pstn_password")),
		PersonalID:    o.text("pmi"),
		Settings:      settingsFrom(o.object("settings")),
	}
	for _, field := range o.objects("tracking_fields") {
		m.TrackingFields = append(m.TrackingFields, TrackingField{field.text("field"), field.text("value")})
	}
	return m
}

func settingsFrom(o object) MeetingSettings {
	settings := MeetingSettings{
		JoinBeforeHost:        o.flag("join_before_host"),
		JBHTime:               o.count("jbh_time"),
		WaitingRoom:           o.flag("waiting_room"),
		UsePMI:                o.flag("use_pmi"),
		MeetingAuthentication: o.flag("meeting_authentication"),
		Audio:                 o.text("audio"),
		EncryptionType:        o.text("encryption_type"),
		AutoRecording:         o.text("auto_recording"),
		ApprovalType:          o.count("approval_type"),

		EmailNotification:                 o.flag("email_notification"),
		AlternativeHostsEmailNotification: o.flag("alternative_hosts_email_notification"),

		AlternativeHosts:      o.semicolons("alternative_hosts"),
		GlobalDialInCountries: o.texts("global_dial_in_countries"),
	}
	for _, number := range o.objects("global_dial_in_numbers") {
		settings.GlobalDialInNumbers = append(settings.GlobalDialInNumbers, DialInNumber{
			Country:     number.text("country"),
			CountryName: number.text("country_name"),
			City:        number.text("city"),
			Number:      number.text("number"),
			Type:        number.text("type"),
		})
	}
	return settings
}

package nethttp

import (
	"net/http"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
)

// How often a page is read again while something goes on, in seconds. Seldom where there is a link: nobody's tap is to hit
// a page that has just changed.
const (
	soon  = 2
	later = 10
)

// usual is how long a call takes to be made, at most, when both vendors answer.
const usual = 15 * time.Second

// chip is how a bridge stands, in a word or two; Kind is its colour.
type chip struct{ Kind, Text string }

// stands is how a bridge stands, and what can be done.
type stands struct {
	chip    chip
	said    []string
	button  string // empty: nothing
	refresh int    // seconds; 0: nothing goes on
}

// stateOf says how a bridge stands. Nothing is opened for an incident that is resolved.
func stateOf(b *bridge.Bridge, resolved bool) stands {
	s := howItStands(b)
	if resolved && s.button != "" {
		s.button = ""
		s.said = append(s.said, "The incident is resolved, so no call is opened for it. Reopen it at PagerDuty if it is not over.")
	}
	return s
}

func howItStands(b *bridge.Bridge) stands {
	const create = "Create Zoom Meeting"
	switch b.State {
	case bridge.StateCreating:
		if time.Since(b.OpenedAt) > usual {
			return stands{chip{"busy", "being made…"}, []string{
				"This takes longer than usual: Zoom or PagerDuty does not answer. It is tried again by itself, for ten minutes.",
				"If it is urgent, open a call by hand and write its link on the incident.",
			}, "", later}
		}
		return stands{chip{"busy", "being made…"}, []string{"The call is being made. It shows here by itself."}, "", soon}
	case bridge.StateCreated:
		return stands{chip{"busy", "not on the incident yet"}, []string{
			"You can join already. PagerDuty has not taken the link yet; that is tried again by itself.",
		}, "", later}
	case bridge.StateAttached:
		return stands{chip{"good", "on the incident"}, nil, "", 0}
	case bridge.StateClosing:
		return stands{chip{"busy", "ends soon"}, []string{
			"The call ends when its grace period is over and nobody is in it.",
		}, "Keep it open", later}
	case bridge.StateEnding:
		return stands{chip{"busy", "is ending"}, []string{"The call is being ended. After that a new one can be made."}, "", later}
	case bridge.StateFailed:
		return stands{chip{"alarm", "failed"}, []string{"No call could be made, and nobody is trying any more."}, "Try again", 0}
	case bridge.StateExternal:
		return stands{chip{"good", "somebody's own"}, []string{
			"Somebody put a call of their own on the incident. It is left as it is.",
		}, "", 0}
	case bridge.StateAbandoned:
		return stands{chip{"alarm", "given up"}, []string{
			"The app was uninstalled while this call was open. Whoever is in it still is.",
		}, create, 0}
	case bridge.StateClosed:
		return stands{chip{"", "over"}, []string{"The former call is over."}, create, 0}
	default:
		return stands{chip{"", "none"}, nil, create, 0}
	}
}

// wordsFor says what a code means, and what to do about it, to somebody who was just woken up.
func wordsFor(code string) (title string, said []string) {
	switch code {
	case codeForbidden:
		return "You may not open this call", []string{
			"PagerDuty says that your role is not that of a responder, and the incident is not assigned to you.",
			"Have it assigned to you at PagerDuty, or ask one of its responders for the link.",
		}
	case codeIncidentNotFound:
		return "There is no such incident", []string{
			"PagerDuty does not know it. Look at the address, or open it from the incident's page.",
		}
	case codeIncidentResolved:
		return "The incident is resolved", []string{"No call is opened for it any more. Reopen it at PagerDuty if it is not over."}
	case codeNotInstalled:
		return "Not installed", []string{
			"This service is not connected to PagerDuty and Zoom, or not any more.",
			"An administrator of both can install it. Until then, open a call by hand.",
		}
	case codeReauthorize:
		return "An administrator is needed", []string{
			"A vendor takes this service's access no longer. An administrator has to install it again, which takes a minute.",
			"Until then, open a call by hand.",
		}
	case codeRateLimited:
		return "Too much at once", []string{"A vendor limits how often it may be asked. Wait a little and try again."}
	case codeUpstreamZoom:
		return "Zoom cannot serve just now", []string{
			"No meeting could be made. Try again in a moment.",
			"If it is urgent, open a call by hand and write its link on the incident.",
		}
	case codeUpstreamPagerDuty:
		return "PagerDuty cannot serve just now", []string{
			"It could not be asked who may open this call, or did not take the link. Try again in a moment.",
		}
	case codeNotFound, codeBridgeNotFound:
		return "Nothing here", []string{"This page is gone, or never was."}
	case codeBadRequest:
		return "That is no incident", []string{"An address ends in an incident's id or number, such as /incidents/Q2MDTZ6A4QNKZF."}
	case codeMethodNotAllowed, codeTooLarge, codeUnauthorized:
		return http.StatusText(statusOf(code)), []string{"That cannot be done here."}
	default:
		return "Try again in a moment", []string{
			"It took too long, or the store did not answer. What was begun goes on by itself.",
		}
	}
}

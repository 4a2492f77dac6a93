// Package install installs the app at Zoom and at PagerDuty by an administrator's consent
// (OAuth), keeps the grants, sets up PagerDuty, and removes everything when the app is
// uninstalled.
//
// # Quick start
//
//	installation, err := install.New(store, install.WithZoom(zoomApp), install.WithPagerDuty(pagerDutyApp))
//	svc, err := bridge.New(bridge.PagerDuty(installation.PagerDuty()),
//		bridge.InstalledZoom(installation.Zoom(), zoom.Me), store, bridge.WithInstallation(installation))
//
// Package nethttp serves the pages of the install flow. Behind them are four steps: send
// the browser to [Installation.AuthCodeURL] of each of [Installation.Vendors], turn the
// code that comes back into an [Authorization] with [Installation.Authorize], give all of
// them to [Installation.Install], and call [Installation.Setup].
//
// # The record
//
// An installation is one record in the store, changed only by compare-and-swap, and a
// grant for each vendor (see tokenstore.TokenSource). Record and grants carry the id of
// the consent, so what belongs to an older one can be told apart. The states:
//
//	(none) ─▶ installed ─▶ uninstalling ─▶ uninstalled ─▶ installed …
//
// An install takes a lock in the record before it writes a grant, since the grants are
// shared; a lock that has expired belongs to a process that crashed, and
// [Installation.Maintain] revokes what it wrote. An uninstall first makes the record say
// "uninstalling" and removes its secrets: from then on nothing is served. Then it removes
// what was set up at PagerDuty, and the tokens of both vendors. Maintain finishes what a
// crash leaves half-way.
//
// # Removals and late messages
//
// Zoom reports that the app was removed, repeatedly and up to an hour late. A removal
// ends an installation only if its account is the same and the consent is not younger. It
// is also remembered for an hour, so that an install with an older consent is refused.
//
// # Errors
//
// Every error is an [*Error]. Tell them apart with errors.Is, the sentinels of this
// package and those of packages zoom and pagerduty. No error holds a token or a secret.
package install

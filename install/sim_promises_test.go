package install_test

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/simtest"
)

// promises are checked whenever something happens, before the recorder knows of it.
var promises = []simtest.Promise[*recorder]{
	// What is written.
	simtest.On("an app that becomes installed has both grants", anAppThatBecomesInstalledHasBothGrants),
	simtest.On("one install at a time writes grants", oneInstallAtATimeWritesGrants),
	simtest.On("a removed consent is not installed", aRemovedConsentIsNotInstalled),
	simtest.On("an older removal keeps a newer installation", anOlderRemovalKeepsANewerInstallation),
	simtest.On("an uninstall leaves no secret", anUninstallLeavesNoSecret),
	simtest.On("a tombstone holds no token", aTombstoneHoldsNoToken),

	// What is revoked at Zoom.
	simtest.On("nothing is revoked that is installed", nothingIsRevokedThatIsInstalled),

	// What callers are told.
	simtest.On("an install that is confirmed was stored", anInstallThatIsConfirmedWasStored),
	simtest.On("an app that was uninstalled is not served", anAppThatWasUninstalledIsNotServed),
	simtest.On("no secret is in an error", noSecretIsInAnError),

	// Once everything works again.
	simtest.On("what a crash left is finished", whatACrashLeftIsFinished),
	simtest.On("no grant is left without its installation", noGrantIsLeftWithoutItsInstallation),
	simtest.On("an installation that no other install touched has its grants", anInstallationHasItsGrants),
	simtest.On("a removal is never missed", aRemovalIsNeverMissed),
	simtest.On("a set-up leaves one of each at PagerDuty", aSetupLeavesOneOfEach),
}

func anAppThatBecomesInstalledHasBothGrants(r *recorder, e written) error {
	if e.installs() && !r.hasGrants(e.is.ID) {
		return fmt.Errorf("%v", r.grants())
	}
	return nil
}

func oneInstallAtATimeWritesGrants(r *recorder, e sent) error {
	if !e.isConsent() || e.is.Installation != e.by.lock {
		return nil
	}
	now := r.read(recordKey)
	if now.Lock != nil && now.Lock.ID != e.by.lock && time.Now().Before(now.Lock.Until.Add(-maxSkew)) {
		return fmt.Errorf("%s writes while %s has the lock", e.by.Name, r.installs[now.Lock.ID].Name)
	}
	return nil
}

// Processes tell times by clocks that differ.
func aRemovedConsentIsNotInstalled(r *recorder, e written) error {
	if !e.installs() {
		return nil
	}
	by := r.installs[e.is.ID]
	for _, removal := range r.removals {
		if after := removal.at.Sub(by.consent.at); removal.accepted && after > maxSkew {
			return fmt.Errorf("%s installs a consent that was removed %v later", by.Name, after)
		}
	}
	return nil
}

func anOlderRemovalKeepsANewerInstallation(r *recorder, e written) error {
	if !e.uninstalls() {
		return nil
	}
	consent := r.installs[e.was.ID].consent
	if e.by.removal == nil {
		return fmt.Errorf("%s uninstalls", e.by.Name)
	}
	if age := consent.at.Sub(e.by.removal.at); age > maxSkew {
		return fmt.Errorf("%s reports a removal %v older than the consent", e.by.Name, age)
	}
	return nil
}

func anUninstallLeavesNoSecret(_ *recorder, e written) error {
	if e.isRecord() && e.is.State != "installed" && (e.is.Setup.Secret != "" || e.is.Setup.ActionToken != "") {
		return errors.New(e.is.text)
	}
	return nil
}

func aTombstoneHoldsNoToken(_ *recorder, e written) error {
	if e.isTombstone() && (e.is.hasToken() || strings.Contains(e.is.text, "refresh_token")) {
		return errors.New(e.is.text)
	}
	return nil
}

// Zoom may revoke all that was consented to in the account before. A consent that comes
// while the request is under way cannot be kept from that.
func nothingIsRevokedThatIsInstalled(r *recorder, e revoked) error {
	now := r.read(recordKey)
	if now.State != "installed" || r.installs[now.ID].consent.at.After(e.by.Began.At.Add(-maxSkew)) {
		return nil
	}
	return fmt.Errorf("%s revokes what %s has installed", e.by.Name, r.installs[now.ID].Name)
}

func anInstallThatIsConfirmedWasStored(r *recorder, e told) error {
	if e.by.info != nil && r.installs[e.by.info.ID] != e.by {
		return fmt.Errorf("%s is told of another", e.by.Name)
	}
	if e.by.info != nil && !e.by.stored {
		return fmt.Errorf("%s was not stored", e.by.Name)
	}
	return nil
}

func anAppThatWasUninstalledIsNotServed(r *recorder, e told) error {
	if strings.Contains(e.by.Name, checks) && e.by.err == nil && !r.ended.Never() && r.ended.Before(e.by.Began) {
		return fmt.Errorf("%s", e.by.Name)
	}
	return nil
}

func noSecretIsInAnError(r *recorder, e told) error {
	if e.by.err == nil {
		return nil
	}
	for _, secret := range []string{"zoomtest-access", "zoomtest-refresh", "pdus+", "pdur", r.pd.Secret()} {
		if strings.Contains(e.by.err.Error(), secret) {
			return fmt.Errorf("%s: %w", e.by.Name, e.by.err)
		}
	}
	return nil
}

func whatACrashLeftIsFinished(r *recorder, _ maintained) error {
	now := r.read(recordKey)
	if now.Lock != nil || len(now.RevokeIDs) > 0 || now.State == "uninstalling" {
		return fmt.Errorf("%v", now)
	}
	return nil
}

func noGrantIsLeftWithoutItsInstallation(r *recorder, _ maintained) error {
	now := r.read(recordKey)
	for vendor, g := range r.grants() {
		if g.hasToken() && (now.State != "installed" || now.ID != g.Installation) {
			return fmt.Errorf("a grant of %s beside %v", vendor, now)
		}
	}
	return nil
}

// An install that fails takes the grants along that it was to replace.
func anInstallationHasItsGrants(r *recorder, _ maintained) error {
	now := r.read(recordKey)
	if now.State == "installed" && now.ID == r.last && !r.hasGrants(now.ID) {
		return fmt.Errorf("%v", r.grants())
	}
	return nil
}

func aRemovalIsNeverMissed(r *recorder, _ maintained) error {
	now := r.read(recordKey)
	if now.State != "installed" {
		return nil
	}
	by := r.installs[now.ID]
	for _, removal := range r.removals {
		if !removal.accepted {
			return errors.New("a removal was not accepted")
		}
		if after := removal.at.Sub(by.consent.at); after > maxSkew {
			return fmt.Errorf("%s is installed, and was removed %v after the consent", by.Name, after)
		}
	}
	return nil
}

func aSetupLeavesOneOfEach(r *recorder, _ setUpAgain) error {
	setup := r.read(recordKey).Setup
	subscriptions, extensions := r.pd.Subscriptions(), r.pd.Extensions()
	if len(subscriptions) != 1 || subscriptions[0].ID != setup.SubscriptionID ||
		subscriptions[0].Secret != setup.Secret {
		return fmt.Errorf("%d subscriptions", len(subscriptions))
	}
	if len(extensions) != 1 || extensions[0].ID != setup.Actions[service] ||
		extensions[0].Headers.Get("Authorization") != "Bearer "+setup.ActionToken {
		return fmt.Errorf("%d buttons", len(extensions))
	}
	return nil
}

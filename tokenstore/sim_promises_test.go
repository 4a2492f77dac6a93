package tokenstore_test

import (
	"errors"
	"fmt"

	"github.com/incidentbridge/incidentbridge/internal/simtest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// promises are checked whenever something happens, before the recorder knows of it.
var promises = []simtest.Promise[*recorder]{
	// The record.
	simtest.On("an uninstall leaves no token", anUninstallLeavesNoToken),
	simtest.On("an uninstall keeps a newer installation", anUninstallKeepsANewerInstallation),
	simtest.On("a consent is stored once", aConsentIsStoredOnce),
	simtest.On("only a consent brings a grant back", onlyAConsentBringsAGrantBack),
	simtest.On("only its own child follows a refresh token", onlyItsOwnChildFollowsARefreshToken),
	simtest.On("one at a time has the lease", oneAtATimeHasTheLease),
	simtest.On("a grant that lives is not given up", aGrantThatLivesIsNotGivenUp),

	// The vendor.
	simtest.On("nothing is sent without the lease", nothingIsSentWithoutTheLease),
	simtest.On("a refresh token is sent again only unanswered", aRefreshTokenIsSentAgainOnlyUnanswered),
	simtest.On("a refresh token is used once", aRefreshTokenIsUsedOnce),

	// What callers are told.
	simtest.On("a successor is stored before it is handed out", aSuccessorIsStoredBeforeItIsHandedOut),
	simtest.On("a refused token is handed out no more", aRefusedTokenIsHandedOutNoMore),
	simtest.On("no refresh token leaves a source", noRefreshTokenLeavesASource),
	simtest.On("only a mark sends callers for consent", onlyAMarkSendsCallersForConsent),
	simtest.On("only where nothing is installed callers are told so", onlyWhereNothingIsInstalledCallersAreToldSo),
	simtest.On("an uninstall that is done is done", anUninstallThatIsDoneIsDone),
	simtest.On("a consent that is said to be saved is saved", aConsentThatIsSaidToBeSavedIsSaved),
	simtest.On("no token is in an error", noTokenIsInAnError),

	// Once everything works again.
	simtest.On("a grant that is not lost serves", aGrantThatIsNotLostServes),
	simtest.On("the whole fleet has the newest token", theWholeFleetHasTheNewestToken),
}

func anUninstallLeavesNoToken(_ *recorder, e committed) error {
	if e.is.Uninstalled && hasToken(e.is.text) {
		return errors.New(e.is.text)
	}
	return nil
}

func anUninstallKeepsANewerInstallation(_ *recorder, e committed) error {
	if e.is.Uninstalled && e.was.Installation != e.is.Installation {
		return fmt.Errorf("%s went for %s", e.was.Installation, e.is.Installation)
	}
	return nil
}

func aConsentIsStoredOnce(_ *recorder, e committed) error {
	if e.isConsent() && (e.by.consent.stored || e.is.Installation != e.by.consent.installation) {
		return fmt.Errorf("%s over %s", e.is.Installation, e.was.text)
	}
	return nil
}

func onlyAConsentBringsAGrantBack(_ *recorder, e committed) error {
	if e.isOwn() && !e.isRefresh() {
		return fmt.Errorf("%s over %q", e.is.text, e.was.text)
	}
	return nil
}

func onlyItsOwnChildFollowsARefreshToken(r *recorder, e committed) error {
	if !e.rotates() {
		return nil
	}
	x := r.vendor.exchanged[e.was.RefreshToken]
	if x == nil || x.child.RefreshToken != e.is.RefreshToken || x.child.AccessToken != e.is.AccessToken {
		return fmt.Errorf("%s after %s", e.is.RefreshToken, e.was.RefreshToken)
	}
	return nil
}

func oneAtATimeHasTheLease(_ *recorder, e committed) error {
	if e.changesOwner() && e.was.isLeased() {
		return fmt.Errorf("%s took it while it runs", e.by.program.Name)
	}
	return nil
}

// It is given up only when nothing at the vendor could be saved by anybody.
func aGrantThatLivesIsNotGivenUp(r *recorder, e committed) error {
	if !e.marksRejected() || !r.livesAtTheVendor(e.is.RefreshToken) {
		return nil
	}
	x := r.vendor.exchanged[e.is.RefreshToken]
	if x == nil {
		return fmt.Errorf("%s works at the vendor", e.is.RefreshToken)
	}
	if !x.isLost() {
		return fmt.Errorf("%s is about to store the successor of %s", x.by.Name, e.is.RefreshToken)
	}
	return nil
}

func nothingIsSentWithoutTheLease(r *recorder, e sent) error {
	if !e.isCurrent() {
		return nil
	}
	if e.now.isRejected() || !e.now.isLeased() || r.owners[e.now.Lease.Owner] != e.by {
		return fmt.Errorf("%s sends %s", e.by.Name, e.token)
	}
	return nil
}

// Under one lease it is sent once, and once more when nobody answered, unless the vendor
// detects reuse.
func aRefreshTokenIsSentAgainOnlyUnanswered(r *recorder, e sent) error {
	if n := e.count(); e.isCurrent() && (n > 2 || n == 2 && r.vendor.detectsReuse) {
		return fmt.Errorf("%s sends %s", e.by.Name, e.token)
	}
	return nil
}

// A token that the vendor has taken comes a second time only when its successor was lost.
// A message that was late, for its sender or for the lease, is nobody's fault.
func aRefreshTokenIsUsedOnce(r *recorder, e arrived) error {
	if x := r.vendor.exchanged[e.token]; x != nil && !e.isLate && !x.isLost() {
		return fmt.Errorf("%s sends %s, whose successor %s has", e.by.Name, e.token, x.by.Name)
	}
	return nil
}

func aSuccessorIsStoredBeforeItIsHandedOut(r *recorder, e told) error {
	if token := e.by.token; e.by.err == nil && token != nil && !r.written[token.AccessToken] {
		return fmt.Errorf("%s got %s", e.by.Name, token.AccessToken)
	}
	return nil
}

func aRefusedTokenIsHandedOutNoMore(_ *recorder, e told) error {
	token, p := e.by.token, e.by.program
	if e.by.err == nil && token != nil && token.AccessToken == p.refused && p.refusedAt.Before(e.by.Began) {
		return fmt.Errorf("%s got %s", e.by.Name, token.AccessToken)
	}
	return nil
}

func noRefreshTokenLeavesASource(_ *recorder, e told) error {
	if e.by.err == nil && e.by.token != nil && e.by.token.RefreshToken != "" {
		return fmt.Errorf("%s got %s", e.by.Name, e.by.token.RefreshToken)
	}
	return nil
}

func onlyAMarkSendsCallersForConsent(r *recorder, e told) error {
	if errors.Is(e.by.err, tokenstore.ErrReauthorize) && !r.wasShown(e.by.program, grantView.isRejected) {
		return fmt.Errorf("%s got %w", e.by.Name, e.by.err)
	}
	return nil
}

func onlyWhereNothingIsInstalledCallersAreToldSo(r *recorder, e told) error {
	if e.by.consent != nil || !errors.Is(e.by.err, tokenstore.ErrNotInstalled) {
		return nil
	}
	if !r.wasShown(e.by.program, grantView.isGone) {
		return fmt.Errorf("%s got %w", e.by.Name, e.by.err)
	}
	return nil
}

func anUninstallThatIsDoneIsDone(r *recorder, e told) error {
	if e.by.uninstalls == "" || e.by.err != nil {
		return nil
	}
	if now := r.now(); now.Installation == e.by.uninstalls && !now.Uninstalled {
		return errors.New(now.text)
	}
	return nil
}

func aConsentThatIsSaidToBeSavedIsSaved(_ *recorder, e told) error {
	if e.by.consent != nil && e.by.err == nil && !e.by.consent.stored {
		return errors.New(e.by.Name)
	}
	return nil
}

func noTokenIsInAnError(_ *recorder, e told) error {
	if e.by.err != nil && hasToken(e.by.err.Error()) {
		return e.by.err
	}
	return nil
}

func aGrantThatIsNotLostServes(_ *recorder, e toldInTheEnd) error {
	if !errors.Is(e.by.err, e.want) || e.want == nil && e.by.token == nil {
		return fmt.Errorf("%s got %w, want %w", e.by.Name, e.by.err, e.want)
	}
	return nil
}

func theWholeFleetHasTheNewestToken(r *recorder, e toldInTheEnd) error {
	if e.want != nil || e.by.token == nil {
		return nil
	}
	if e.by.token.AccessToken != r.now().AccessToken {
		return fmt.Errorf("%s got %s", e.by.Name, e.by.token.AccessToken)
	}
	return nil
}

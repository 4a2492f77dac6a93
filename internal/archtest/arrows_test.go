package archtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// layer is one part of the module: a folder and all below it.
type layer struct {
	on    []string // the layers it may import besides itself
	tests []string // those that its tests may import, too
	links []string // the modules from outside that its production code may link
	free  bool     // nothing is forbidden: programs and tests that see it all
}

const (
	oauth2        = "golang.org/x/oauth2"
	goPagerDuty   = "github.com/PagerDuty/go-pagerduty"
	goQuerystring = "github.com/google/go-querystring"
	retryableHTTP = "github.com/hashicorp/go-retryablehttp"
	cleanHTTP     = "github.com/hashicorp/go-cleanhttp"
	goCmp         = "github.com/google/go-cmp"
)

// layers is the whole plan, and a package outside it is a fault: adapters stand
// on bridge and install, those on the three clients, and neither those two nor the
// clients know each other or what is above.
var layers = map[string]layer{
	"internal/redact":      {},
	"internal/detachctx":   {},
	"internal/memo":        {on: []string{"internal/detachctx"}},
	"internal/lenientjson": {},
	"internal/urlcheck":    {},
	"internal/phone":       {},
	"internal/httpx": {
		on:    []string{"internal/redact"},
		links: []string{retryableHTTP, cleanHTTP},
	},
	"internal/tokencache": {
		on:    []string{"internal/memo", "internal/detachctx"},
		links: []string{oauth2},
	},
	"internal/authcode": { // the flow is the same for both vendors, and so are x/oauth2's gaps
		on:    []string{"internal/httpx", "internal/redact", "internal/urlcheck"},
		links: []string{oauth2, retryableHTTP, cleanHTTP},
	},
	"internal/fakes": {},
	"internal/oauthtest": { // for the tests of both clients
		on:    []string{"internal/fakes"},
		links: []string{oauth2},
	},
	"internal/mutant": {},
	"internal/simtest": { // its simulated processes share a tokenstore.Store
		on:    []string{"tokenstore"},
		links: []string{oauth2},
	},
	"zoom": {
		on:    []string{"internal/httpx", "internal/tokencache", "internal/authcode", "internal/redact", "internal/lenientjson", "internal/urlcheck", "internal/fakes", "internal/oauthtest"},
		links: []string{oauth2, retryableHTTP, cleanHTTP},
	},
	"pagerduty": {
		on:    []string{"internal/httpx", "internal/tokencache", "internal/authcode", "internal/redact", "internal/lenientjson", "internal/urlcheck", "internal/fakes", "internal/oauthtest"},
		links: []string{oauth2, goPagerDuty, goQuerystring, retryableHTTP, cleanHTTP},
	},
	"tokenstore": {
		on:    []string{"internal/redact", "internal/detachctx", "internal/mutant", "internal/simtest"},
		links: []string{oauth2},
	},
	"tokenstore/sqlstore": { // database/sql alone: its user brings the driver
		on:    []string{"tokenstore"},
		links: []string{oauth2},
	},
	"tokenstore/redisstore":  {on: []string{"tokenstore"}}, // modules of their own: their go.mod says what they link
	"tokenstore/dynamostore": {on: []string{"tokenstore"}},
	"bridge/internal/ledger": { // the record and its store: no vendor, no protocol
		on:    []string{"tokenstore"},
		links: []string{oauth2},
	},
	"bridge": {
		on: []string{
			"bridge/internal/ledger", "zoom", "pagerduty", "tokenstore",
			"internal/redact", "internal/detachctx", "internal/memo", "internal/mutant", "internal/simtest",
		},
		tests: []string{"install"}, // a Service and an installed app together
		links: []string{oauth2, goPagerDuty, goQuerystring, retryableHTTP, cleanHTTP},
	},
	"install": {
		on:    []string{"zoom", "pagerduty", "tokenstore", "internal/detachctx", "internal/mutant", "internal/simtest"},
		links: []string{oauth2, goPagerDuty, goQuerystring, retryableHTTP, cleanHTTP},
	},
	"adapters": {
		on:    []string{"bridge", "install", "zoom", "pagerduty", "tokenstore", "internal/redact", "internal/urlcheck", "internal/phone"},
		links: []string{oauth2, goPagerDuty, goQuerystring, retryableHTTP, cleanHTTP},
	},
	"adapters/awslambda": { // a module of its own; the routes are any http.Handler
		on:    []string{"bridge", "pagerduty", "tokenstore"},
		tests: []string{"adapters", "zoom"}, // its example is a whole program
	},
	"examples":             {free: true},
	"internal/conformance": {free: true},
	"internal/archtest":    {},
}

func TestArrowsPointDownwards(t *testing.T) {
	t.Parallel()
	pkgs := listPackages(t, "work")
	for _, name := range []string{"zoom", "pagerduty", "tokenstore", "bridge", "install", "adapters/nethttp"} {
		if !slices.ContainsFunc(pkgs, func(p pkg) bool { return rel(p.ImportPath) == name }) {
			t.Errorf("go list does not know %s, so nothing was checked there", name)
		}
	}
	for _, fault := range arrowFaults(pkgs) {
		t.Error(fault)
	}
}

// arrowFaults returns what breaks the plan, one line each, in the order of pkgs.
func arrowFaults(pkgs []pkg) []string {
	moduleOf := make(map[string]string)
	for _, p := range pkgs {
		if p.Module != nil {
			moduleOf[p.ImportPath] = p.Module.Path
		}
	}

	var faults []string
	for _, p := range pkgs {
		if !p.ours() {
			continue
		}
		name, ok := layerOf(p.ImportPath)
		if !ok {
			faults = append(faults, rel(p.ImportPath)+" has no place in the plan: add it to layers")
			continue
		}
		if layers[name].free {
			continue
		}
		faults = append(faults, importFaults(p, name)...)
		faults = append(faults, linkFaults(p, name, moduleOf)...)
	}
	return faults
}

// importFaults checks the packages of ours that p and its tests import.
func importFaults(p pkg, name string) []string {
	var faults []string
	check := func(who string, imports, allowed []string) {
		for _, imported := range imports {
			if !ours(imported) {
				continue
			}
			on, _ := layerOf(imported)
			if on != name && !slices.Contains(allowed, on) {
				faults = append(faults, fmt.Sprintf("%s must not import %s", who, rel(imported)))
			}
		}
	}
	plan := layers[name]
	check(rel(p.ImportPath), p.Imports, plan.on)
	check("the test of "+rel(p.ImportPath), slices.Concat(p.TestImports, p.XTestImports), slices.Concat(plan.on, plan.tests))

	for _, imported := range p.Imports {
		if ours(imported) && isTestPackage(imported) && !isTestPackage(p.ImportPath) {
			faults = append(faults, fmt.Sprintf("%s must not import %s, which is for tests and examples",
				rel(p.ImportPath), rel(imported)))
		}
	}
	return faults
}

// linkFaults checks the modules that end up in the program of somebody who
// imports p.
func linkFaults(p pkg, name string, moduleOf map[string]string) []string {
	if !p.inRootModule() {
		return nil // a nested module's go.mod says what it links
	}
	allowed := append([]string{module}, layers[name].links...)
	if isTestPackage(p.ImportPath) {
		allowed = append(allowed, goCmp)
	}
	var linked []string
	for _, dep := range p.Deps {
		if m := moduleOf[dep]; m != "" && !slices.Contains(allowed, m) && !slices.Contains(linked, m) {
			linked = append(linked, m)
		}
	}
	var faults []string
	for _, m := range linked {
		faults = append(faults, fmt.Sprintf("%s must not link %s", rel(p.ImportPath), m))
	}
	return faults
}

// layerOf finds the longest folder of the plan that holds the package.
func layerOf(importPath string) (string, bool) {
	for dir := rel(importPath); dir != "."; dir = path.Dir(dir) {
		if _, ok := layers[dir]; ok {
			return dir, true
		}
	}
	return "", false
}

// isTestPackage tells the exported test packages, zoomtest, storetest and such, and what
// is under them.
func isTestPackage(importPath string) bool {
	return strings.HasSuffix(path.Base(importPath), "test") || rel(importPath) == "internal/fakes" || rel(importPath) == "internal/mutant"
}

func TestArrowFaultsAreFound(t *testing.T) {
	t.Parallel()
	at := func(dirs ...string) []string {
		for i, dir := range dirs {
			dirs[i] = module + "/" + dir
		}
		return dirs
	}
	of := func(module string) *struct{ Path string } { return &struct{ Path string }{module} }
	testify := pkg{ImportPath: "github.com/stretchr/testify/assert", Module: of("github.com/stretchr/testify")}
	querystring := pkg{ImportPath: goQuerystring + "/query", Module: of(goQuerystring)}

	tests := []struct {
		name string
		pkgs []pkg
		want []string
	}{
		{
			name: "an adapter on bridge is as planned",
			pkgs: []pkg{{ImportPath: module + "/adapters/nethttp", Imports: at("bridge", "zoom"), XTestImports: at("zoom/zoomtest")}},
		},
		{
			name: "a client may be tested with its fake",
			pkgs: []pkg{{ImportPath: module + "/zoom", Imports: at("internal/httpx"), XTestImports: at("zoom/zoomtest")}},
		},
		{
			name: "an example may import all",
			pkgs: []pkg{{ImportPath: module + "/examples/httpserver", Imports: at("adapters/nethttp", "zoom/zoomtest")}},
		},
		{
			name: "a client knows another",
			pkgs: []pkg{{ImportPath: module + "/zoom", Imports: at("tokenstore")}},
			want: []string{"zoom must not import tokenstore"},
		},
		{
			name: "a fake knows the other vendor",
			pkgs: []pkg{{ImportPath: module + "/zoom/zoomtest", Imports: at("pagerduty")}},
			want: []string{"zoom/zoomtest must not import pagerduty"},
		},
		{
			name: "a client's test knows bridge",
			pkgs: []pkg{{ImportPath: module + "/pagerduty", XTestImports: at("bridge")}},
			want: []string{"the test of pagerduty must not import bridge"},
		},
		{
			name: "bridge imports an adapter",
			pkgs: []pkg{{ImportPath: module + "/bridge", Imports: at("adapters/nethttp")}},
			want: []string{"bridge must not import adapters/nethttp"},
		},
		{
			name: "bridge is tested with an installed app",
			pkgs: []pkg{{ImportPath: module + "/bridge", XTestImports: at("install")}},
		},
		{
			name: "bridge and install import each other",
			pkgs: []pkg{
				{ImportPath: module + "/bridge", Imports: at("install")},
				{ImportPath: module + "/install", Imports: at("bridge")},
			},
			want: []string{"bridge must not import install", "install must not import bridge"},
		},
		{
			name: "bridge goes to the HTTP stack past the clients",
			pkgs: []pkg{{ImportPath: module + "/bridge", Imports: at("internal/httpx")}},
			want: []string{"bridge must not import internal/httpx"},
		},
		{
			name: "production code imports a fake",
			pkgs: []pkg{{ImportPath: module + "/bridge", Imports: at("zoom/zoomtest")}},
			want: []string{"bridge must not import zoom/zoomtest, which is for tests and examples"},
		},
		{
			name: "a fake stands on the machinery of the fakes",
			pkgs: []pkg{{ImportPath: module + "/zoom/zoomtest", Imports: at("internal/fakes")}},
		},
		{
			name: "production code imports the machinery of the fakes",
			pkgs: []pkg{{ImportPath: module + "/zoom", Imports: at("internal/fakes")}},
			want: []string{"zoom must not import internal/fakes, which is for tests and examples"},
		},
		{
			name: "a package nobody planned",
			pkgs: []pkg{{ImportPath: module + "/util"}},
			want: []string{"util has no place in the plan: add it to layers"},
		},
		{
			name: "a fake links a test library",
			pkgs: []pkg{
				{ImportPath: module + "/zoom/zoomtest", Module: of(module), Deps: []string{testify.ImportPath}},
				testify,
			},
			want: []string{"zoom/zoomtest must not link github.com/stretchr/testify"},
		},
		{
			name: "one client links what only the other may",
			pkgs: []pkg{
				{ImportPath: module + "/zoom", Module: of(module), Deps: []string{querystring.ImportPath}},
				{ImportPath: module + "/pagerduty", Module: of(module), Deps: []string{querystring.ImportPath}},
				querystring,
			},
			want: []string{"zoom must not link github.com/google/go-querystring"},
		},
		{
			name: "a nested module links what it likes",
			pkgs: []pkg{
				{ImportPath: module + "/tokenstore/redisstore", Module: of(module + "/tokenstore/redisstore"), Deps: []string{testify.ImportPath}},
				testify,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, arrowFaults(tt.pkgs)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// trapPages are the tables of docs/vendor-traps.md: under which heading, and how many
// rows.
var trapPages = []trapPage{
	{heading: "Zoom: traps", rows: 42, proof: true},
	{heading: "PagerDuty: traps", rows: 37, proof: true},
	{heading: "Zoom: unconfirmed", rows: 16},
	{heading: "PagerDuty: unconfirmed", rows: 20},
}

type trapPage struct {
	heading string
	rows    int
	proof   bool // each row names a test, or says "Not ours: " and why
}

// A trap whose test was renamed or deleted is open again.
func TestEveryVendorTrapIsCovered(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(root, "docs", "vendor-traps.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range trapFaults(string(page), trapPages, testNames(t)) {
		t.Error(fault)
	}
}

// namedTest is how the page names a test: `zoom.TestVerify`, by the folder of its
// package.
var namedTest = regexp.MustCompile("`([a-z0-9/]+)\\.((?:Test|Fuzz|Example|Benchmark)\\w*)`")

// trapFaults returns what is wrong with the page: rows that are missing, double or empty,
// and tests that do not exist.
func trapFaults(page string, tables []trapPage, tests map[string]bool) []string {
	var faults []string
	for _, table := range tables {
		numbers := make(map[int]int)
		for _, cells := range rowsUnder(page, table.heading) {
			number, err := strconv.Atoi(cells[0])
			if err != nil {
				continue // the head of the table
			}
			numbers[number]++
			where := fmt.Sprintf("%s, %d", table.heading, number)
			if slices.Contains(cells, "") {
				faults = append(faults, where+": a cell is empty")
			}
			named := namedTest.FindAllStringSubmatch(strings.Join(cells, " "), -1)
			if table.proof && len(named) == 0 && !strings.Contains(strings.Join(cells, " "), "Not ours: ") {
				faults = append(faults, where+`: names no test, and does not say "Not ours: " and why`)
			}
			for _, name := range named {
				if !tests[name[1]+"."+name[2]] {
					faults = append(faults, fmt.Sprintf("%s: there is no %s.%s", where, name[1], name[2]))
				}
			}
		}
		for number := 1; number <= table.rows; number++ {
			if numbers[number] != 1 {
				faults = append(faults, fmt.Sprintf("%s: %d is there %d times", table.heading, number, numbers[number]))
			}
			delete(numbers, number)
		}
		for _, number := range slices.Sorted(maps.Keys(numbers)) {
			faults = append(faults, fmt.Sprintf("%s: %d is more than the reference has", table.heading, number))
		}
	}
	return faults
}

// rowsUnder returns the cells of the table rows between a heading of the second level and
// the next.
func rowsUnder(page, heading string) [][]string {
	_, section, _ := strings.Cut(page, "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var rows [][]string
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			continue
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		rows = append(rows, cells)
	}
	return rows
}

// testNames returns every test function of the tree as "folder.Name".
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	files := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		for _, declared := range file.Decls {
			if f, ok := declared.(*ast.FuncDecl); ok && f.Recv == nil {
				names[filepath.ToSlash(folder)+"."+f.Name.Name] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestTrapFaultsAreFound(t *testing.T) {
	t.Parallel()
	const head = "# Traps\n\n## Shop: traps\n\n| # | Trap | Covered by |\n|---|---|---|\n"
	tables := []trapPage{{heading: "Shop: traps", rows: 2, proof: true}}
	tests := []struct {
		name string
		rows string
		want []string
	}{
		{
			name: "as it should be",
			rows: "| 1 | a | `zoom.TestA` and `zoom/zoomtest.FuzzB` |\n| 2 | b | Not ours: nothing is sold |\n",
		},
		{
			name: "what stands under another heading does not count",
			rows: "| 1 | a | `zoom.TestA` |\n\n## Other\n\n| 2 | b | `zoom.TestA` |\n",
			want: []string{"Shop: traps: 2 is there 0 times"},
		},
		{
			name: "a number twice, and one too many",
			rows: "| 1 | a | `zoom.TestA` |\n| 1 | a | `zoom.TestA` |\n| 2 | b | `zoom.TestA` |\n| 3 | c | `zoom.TestA` |\n",
			want: []string{"Shop: traps: 1 is there 2 times", "Shop: traps: 3 is more than the reference has"},
		},
		{
			name: "a test that is not there",
			rows: "| 1 | a | `zoom.TestOld` |\n| 2 | b | `zoom.TestA` |\n",
			want: []string{"Shop: traps, 1: there is no zoom.TestOld"},
		},
		{
			name: "a trap that nobody covers",
			rows: "| 1 | a | we are careful |\n| 2 | | `zoom.TestA` |\n",
			want: []string{
				`Shop: traps, 1: names no test, and does not say "Not ours: " and why`,
				"Shop: traps, 2: a cell is empty",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			there := map[string]bool{"zoom.TestA": true, "zoom/zoomtest.FuzzB": true}
			if diff := cmp.Diff(tt.want, trapFaults(head+tt.rows, tables, there)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

package conformance_test

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

var updateImages = flag.Bool("update-img", false, "write the screenshots to docs/img")

// settled is on the page when nothing is under way and the incident has its call.
const settled = `main:not([aria-busy]) .chip.good`

// scene is what a person sees of an incident.
type scene struct{ Conference, Made, OnIncident, Orphans, Told string }

func TestDemoInABrowser(t *testing.T) {
	t.Parallel()
	browser := launch(t)
	program := build(t)

	once := scene{
		Conference: "on the incident", Made: "1", OnIncident: "1", Orphans: "0", Told: "The call is on the incident.",
	}
	tests := []struct {
		button string
		want   scene
	}{
		{"Create Zoom Meeting", once},
		{"Click 10 times", scene{
			Conference: "on the incident", Made: "1", OnIncident: "1", Orphans: "0",
			Told: "10 of 10 clicks were answered with 1 link; 1 click made the call.",
		}},
		{"Zoom down", scene{
			Conference: "on the incident", Made: "0", OnIncident: "1", Orphans: "0", Told: "The call is on the incident.",
		}},
		{"Cut the line after Zoom made it", once},
		{"Crash before PagerDuty", once},
	}
	for _, script := range []bool{true, false} {
		for _, test := range tests {
			name := test.button
			if !script {
				name += ", without script"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := start(t, program)
				tab := browser.open(t, s.url, phone(), withScript(script))
				if tab.runsScript() != script {
					t.Fatalf("this browser runs script: %v, want %v", !script, script)
				}
				if got := tab.text(".field .none"); got != "none" {
					t.Fatalf("before the click the conference is %q, want none", got)
				}
				tab.press(test.button)
				tab.waitFor(settled)
				if diff := cmp.Diff(test.want, tab.scene()); diff != "" {
					t.Errorf("after the click (-want +got):\n%s", diff)
				}
				tab.follow("Join the call", "/demo/call/")
			})
		}
	}
}

func TestDemoStartsOver(t *testing.T) {
	t.Parallel()
	tab := launch(t).open(t, start(t, build(t)).url, desktop())
	tab.press("Create Zoom Meeting")
	tab.waitFor(settled)
	first := tab.text(".eyebrow")
	tab.press("New incident")
	tab.waitFor(".field .none")
	if second := tab.text(".eyebrow"); second == first {
		t.Errorf("New incident shows %s again", first)
	}
}

// A page that is wider than a small phone hides what is at its right.
func TestDemoFitsASmallPhone(t *testing.T) {
	t.Parallel()
	tab := launch(t).open(t, start(t, build(t)).url, phone())
	tab.fits()
	tab.press("Zoom down") // the longest page: warnings, notes, many calls
	tab.waitFor(settled)
	tab.fits()
	tab.follow("Join the call", "/demo/call/")
	tab.fits()
}

// What the page loads comes from the page's own server, and a form of another site is
// turned away.
func TestDemoIsClosedToOthers(t *testing.T) {
	t.Parallel()
	tab := launch(t).open(t, start(t, build(t)).url, desktop())
	origins := run(tab, chromedp.Evaluate[[]string](`[...new Set(performance.getEntries()
		.map(e => e.name).filter(n => n.startsWith("http")).map(n => new URL(n).origin))]`))
	if diff := cmp.Diff([]string{tab.origin}, origins); diff != "" {
		t.Errorf("origins that the page loads from (-want +got):\n%s", diff)
	}
	sibling := strings.Replace(tab.origin, "127.0.0.1", "localhost", 1)
	tab.do(
		chromedp.Navigate(sibling+"/healthz"),
		chromedp.Evaluate[chromedp.Void](`(() => {
			const form = document.createElement("form");
			form.method = "post";
			form.action = "`+tab.origin+`/demo/open";
			document.documentElement.append(form);
			form.submit();
		})()`),
		chromedp.WaitVisible(`//*[contains(text(), "cross-origin request")]`),
	)
}

// The pictures of the README are of the real page, as -update-img took them.
func TestDemoPictures(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file   string
		screen screen
		press  string
	}{
		{"demo-1280-light-before.png", desktop(), ""},
		{"demo-1280-light.png", desktop(), "Create Zoom Meeting"},
		{"demo-1280-dark.png", desktop().inTheDark(), "Create Zoom Meeting"},
		{"demo-320-light.png", phone(), "Create Zoom Meeting"},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join("..", "..", "docs", "img", test.file)
			if *updateImages {
				takePicture(t, path, test.screen, test.press)
			}
			if width := pictureWidth(t, path); width != test.screen.width {
				t.Errorf("the picture is %d px wide, want %d", width, test.screen.width)
			}
		})
	}
}

func pictureWidth(t *testing.T, path string) int64 {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatalf("%v: take it with go test -run Pictures -update-img ./internal/conformance", err)
	}
	defer func() { _ = file.Close() }()
	picture, err := png.DecodeConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	return int64(picture.Width)
}

func takePicture(t *testing.T, path string, on screen, press string) {
	t.Helper()
	tab := launch(t).open(t, start(t, build(t)).url, on)
	if press != "" {
		tab.press(press)
		tab.waitFor(settled)
	}
	tab.shoot(path)
}

// small writes a picture with the 256 colours that it has most of, a third of the size.
func small(t *testing.T, picture []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	area, often := full.Bounds(), map[color.Color]int{}
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			often[full.At(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(often), func(a, b color.Color) int { return often[b] - often[a] })
	few := image.NewPaletted(area, colours[:min(256, len(colours))])
	draw.Draw(few, area, full, area.Min, draw.Src)
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, few); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

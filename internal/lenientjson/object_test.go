package lenientjson_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
)

func parse(t *testing.T, body string) lenientjson.Object {
	t.Helper()
	o, err := lenientjson.Parse([]byte(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return o
}

// field is an object whose field "f" has that value.
func field(t *testing.T, raw string) lenientjson.Object {
	t.Helper()
	return parse(t, `{"f":`+raw+`}`)
}

func TestParseTakesObjectsOnly(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `null`, `[]`, `7`, `"x"`, `{"a":`, `<html>`} {
		if o, err := lenientjson.Parse([]byte(body)); !errors.Is(err, lenientjson.ErrNotObject) || o != nil {
			t.Errorf("%q: %v, %v; want ErrNotObject", body, o, err)
		}
	}
	if o := parse(t, `{"a":null}`); !o.Has("a") || o.Has("b") {
		t.Error("a null field counts, a missing one does not")
	}
}

func TestInt(t *testing.T) {
	t.Parallel()
	tests := map[string]int64{
		`7`: 7, `"7"`: 7, `-7`: -7, `92674392836`: 92674392836, `"92674392836"`: 92674392836,
		`7.0`: 7, `9.2674392836e10`: 92674392836, `9223372036854775807`: 9223372036854775807,
		`7.5`: 0, `1e300`: 0, `1e999`: 0, `"NaN"`: 0, `"Inf"`: 0, `"x"`: 0, `""`: 0, `null`: 0, `true`: 0, `{}`: 0, `[7]`: 0,
	}
	for raw, want := range tests {
		if got := field(t, raw).Int("f"); got != want {
			t.Errorf("%s is %d, want %d", raw, got, want)
		}
	}
	if got := parse(t, `{"a":"x","b":0,"c":3}`).Int("missing", "a", "b", "c"); got != 3 {
		t.Errorf("the first number of several names is %d, want 3", got)
	}
}

func TestIntPtr(t *testing.T) {
	t.Parallel()
	tests := map[string]*int{
		`0`: new(0), `5`: new(5), `"5"`: new(5), `5.0`: new(5), `-1`: new(-1),
		`5.5`: nil, `""`: nil, `"x"`: nil, `null`: nil, `true`: nil, `[5]`: nil,
	}
	for raw, want := range tests {
		if diff := cmp.Diff(want, field(t, raw).IntPtr("f")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", raw, diff)
		}
	}
	if got := parse(t, `{}`).IntPtr("f"); got != nil {
		t.Errorf("a missing number is %d", *got)
	}
}

func TestBool(t *testing.T) {
	t.Parallel()
	tests := map[string]*bool{
		`true`: new(true), `false`: new(false), `"true"`: new(true), `"FALSE"`: new(false), `1`: new(true), `"0"`: new(false),
		`null`: nil, `""`: nil, `"yes"`: nil, `2`: nil, `{}`: nil, `[true]`: nil,
	}
	for raw, want := range tests {
		o := field(t, raw)
		if diff := cmp.Diff(want, o.BoolPtr("f")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", raw, diff)
		}
		if got := o.Bool("f"); got != (want != nil && *want) {
			t.Errorf("%s is %t", raw, got)
		}
	}
	if o := parse(t, `{}`); o.BoolPtr("f") != nil || o.Bool("f") {
		t.Error("a missing boolean has a value")
	}
}

func TestString(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		`"x"`: "x", `""`: "", `7`: "7", `-7`: "-7", `7.5`: "7.5", `7.0`: "7", `1.2e3`: "1200", `92674392836`: "92674392836",
		`null`: "", `true`: "", `{}`: "", `["x"]`: "",
	}
	for raw, want := range tests {
		if got := field(t, raw).String("f"); got != want {
			t.Errorf("%s is %q, want %q", raw, got, want)
		}
	}
	if got := parse(t, `{"a":null,"b":"","c":"x","d":"y"}`).String("missing", "a", "b", "c", "d"); got != "x" {
		t.Errorf("the first string of several names is %q, want x", got)
	}
}

func TestScalarTellsEmptyFromAbsent(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		`""`: true, `"x"`: true, `7`: true, `null`: false, `true`: false, `{}`: false, `[]`: false, ``: false,
	} {
		if _, ok := lenientjson.Scalar([]byte(raw)); ok != want {
			t.Errorf("%q: %t, want %t", raw, ok, want)
		}
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	for _, raw := range []string{
		`"2026-11-23T07:00:00Z"`, `"2026-11-23T08:00:00+01:00"`, `"2026-11-23T08:00:00+0100"`, `"2026-11-23T07:00:00.000Z"`,
		`"2026-11-23T07:00:00"`, `"2026-11-23 07:00:00"`, `"2026-11-23 08:00:00 +0100"`, `1795417200000`, `"1795417200000"`,
	} {
		if diff := cmp.Diff(want, field(t, raw).Time("f")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", raw, diff)
		}
	}
	for _, raw := range []string{`""`, `null`, `0`, `-5`, `12`, `"soon"`, `{}`, `"2026-13-01T00:00:00Z"`} {
		if got := field(t, raw).Time("f"); !got.IsZero() {
			t.Errorf("%s is %s, want no time", raw, got)
		}
	}
}

func TestNestedValues(t *testing.T) {
	t.Parallel()
	o := parse(t, `{"o":{"a":"b"},"list":[{"a":1},null,"x",7,[],"",{"a":2}],"text":"x"}`)
	if got := o.Object("o").String("a"); got != "b" {
		t.Errorf("the nested field is %q", got)
	}
	if got := o.Object("text").Object("deeper").String("a"); got != "" {
		t.Errorf("an object that is none has the field %q", got)
	}
	var numbers []int64
	for _, element := range o.Objects("list") {
		numbers = append(numbers, element.Int("a"))
	}
	if diff := cmp.Diff([]int64{1, 2}, numbers); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"x", "7"}, o.Strings("list")); diff != "" {
		t.Errorf("strings (-want +got):\n%s", diff)
	}
	if o.Objects("text") != nil || o.Strings("o") != nil || o.Object("list") != nil {
		t.Error("a field of another type is not empty")
	}
}

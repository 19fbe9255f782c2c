package scenario

import (
	"os"
	"strings"
	"testing"
)

func recorded(t *testing.T) []*Scenario {
	t.Helper()
	data, err := os.ReadFile("../../testdata/scenarios.json")
	if err != nil {
		t.Fatal(err)
	}
	list, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestDecodeRecorded(t *testing.T) {
	list := recorded(t)
	if len(list) < 300 {
		t.Errorf("%d scenarios", len(list))
	}
	byName := map[string]*Scenario{}
	for _, s := range list {
		byName[s.Name] = s
	}
	if got := byName["u-path-surrogate"].URL.String(); got != "ws://{H}:{P}/s/{N}/\xffx" {
		t.Errorf("a lone surrogate in a URL becomes %q", got)
	}
	send := byName["b-text-surrogate-swapped"].On["open"][0]
	if got := send.String(); got != `send(text "\udc00\ud800")` {
		t.Errorf("lone surrogates are shown as %s", got)
	}
	for name, want := range map[string]string{"d-text": "arraybuffer", "d-bin-blob": "blob", "d-bin-default": ""} {
		if got := byName[name].BinaryType(); got != want {
			t.Errorf("%s: binaryType %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"c-999-6": "close(999.6)", "c-string": `close("3000")`,
		"c-1000-reason": `close(1000, "done")`, "c-reason-124": "close(1000, string[124])", "b-text-126": "send(text 126)",
		"b-blob-empty": "send(blob 0)", "h-slow-close-connecting": "wait"} {
		ops := byName[name].On["open"]
		if ops == nil {
			ops = byName[name].On["ctor"]
		}
		if got := ops[0].String(); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if p := byName["p-empty-string"].Protocols; len(p) != 1 || p[0] != "" {
		t.Errorf("the protocol \"\" becomes %q", p)
	}
	if p := byName["d-text"].Protocols; p != nil {
		t.Errorf("absent protocols become %q", p)
	}
}

func TestDecodeErrors(t *testing.T) {
	const expect = `"expect": {"client": []}`
	for _, test := range []struct{ line, message string }{
		{`{"name": "a", "colour": 1, ` + expect + `}`, "colour"},
		{`{"name": "a/b", ` + expect + `}`, "path segment"},
		{`{"name": "a", ` + expect + `}, {"name": "a", ` + expect + `}`, "taken"},
		{`{"name": "a", "expect": {}}`, "neither"},
		{`{"name": "a", "on": {"opened": []}, ` + expect + `}`, "opened"},
		{`{"name": "a", "on": {"open": [["sned"]]}, ` + expect + `}`, "unknown operation"},
		{`{"name": "a", "on": {"open": [["send", {}]]}, ` + expect + `}`, "send takes"},
		{`{"name": "a", "on": {"open": [["close", "x"]]}, ` + expect + `}`, "not a number"},
		{`{"name": "a", "on": {"open": [["wait"]]}, ` + expect + `}`, "arguments"},
		{`{"name": "a", "server": [["tx", "8"]], ` + expect + `}`, "hex"},
		{`{"name": "a", "server": [["tx", "81", 3]], ` + expect + `}`, "arguments"},
		{`{"name": "a", "server": [["raw", "\u0100"]], ` + expect + `}`, "Latin-1"},
		{`{"name": "a", "server": [["accept", {"status ": "x"}]], ` + expect + `}`, "unknown option"},
		{`{"name": "a", "server": [[]], ` + expect + `}`, "empty"},
		{`{"name": "a", "protocols": 1, ` + expect + `}`, "protocols"},
	} {
		_, err := Decode([]byte("[" + test.line + "]"))
		if err == nil || !strings.Contains(err.Error(), test.message) {
			t.Errorf("%s: error %v, want one about %s", test.line, err, test.message)
		}
	}
}

func TestText(t *testing.T) {
	for _, test := range []struct{ json, text, quoted string }{
		{`"a\"\\\/\b\f\n\r\t"`, "a\"\\/\b\f\n\r\t", `"a\"\\/\b\f\n\r\t"`},
		{`"é\u00e9"`, "éé", `"\u00e9\u00e9"`},
		{`"\ud83d\ude00😀"`, "😀😀", `"\ud83d\ude00\ud83d\ude00"`},
		{`"\ud800"`, LoneSurrogate, `"\ud800"`},
		{`"\ude00\ud83dx"`, LoneSurrogate + LoneSurrogate + "x", `"\ude00\ud83dx"`},
		{`""`, "", `""`},
		{`"\u0000"`, "\x00", `"\u0000"`},
	} {
		var text Text
		if err := text.UnmarshalJSON([]byte(test.json)); err != nil {
			t.Errorf("%s: %v", test.json, err)
			continue
		}
		if text.String() != test.text || text.Quote() != test.quoted {
			t.Errorf("%s: %q, quoted %s; want %q, %s", test.json, text, text.Quote(), test.text, test.quoted)
		}
	}
}

func TestClamp(t *testing.T) {
	for number, want := range map[float64]uint16{-1: 0, 999.6: 1000, 3000.5: 3000, 4999.5: 5000, 65536: 65535,
		1e300: 65535} {
		if got := (&Code{Number: number}).Clamp(); got != want {
			t.Errorf("%v becomes %d, want %d", number, got, want)
		}
	}
}

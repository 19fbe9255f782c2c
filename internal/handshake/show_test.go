package handshake

import (
	"strings"
	"testing"
)

// TestHidePassword: the password of a URL is not shown, also of one that does not parse. It has no build tag, as both
// halves show URLs.
func TestHidePassword(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "",
		"ws://host/path?a=b":                   "ws://host/path?a=b",
		"ws://host:80/":                        "ws://host:80/",
		"ws://user@host:80/":                   "ws://user@host:80/",
		"ws://user:secret@host:80/":            "ws://user:xxxxx@host:80/",
		"ws://user:@host/":                     "ws://user:xxxxx@host/",
		"ws://:secret@host/":                   "ws://:xxxxx@host/",
		"ws://user:se@cr@et@host/":             "ws://user:xxxxx@host/",
		"ws://user:sec/ret@host/":              "ws://user:xxxxx@host/",
		"ws://user:sec//ret@host/":             "ws://user:xxxxx@host/",
		"ws://user:12#secret@host/":            "ws://user:xxxxx@host/",
		"ws://user:sec?ret@host/":              "ws://user:xxxxx@host/",
		"ws://user:sec:ret@host:80/":           "ws://user:xxxxx@host:80/",
		`ws:\\user:secret@host/`:               "ws:xxxxx@host/",
		`ws:\\user:sec//ret@host/`:             "ws:xxxxx@host/",
		"ws:user:secret@host/":                 "ws:xxxxx@host/",
		"ws:/\t/user:secret@host/":             "ws:xxxxx@host/",
		"//user:secret@host/":                  "//user:xxxxx@host/",
		"user:secret@host":                     "user:xxxxx@host",
		"ws://user:secret@":                    "ws://user:xxxxx@",
		"@":                                    "@",
		":@":                                   ":xxxxx@",
		"ws://@:":                              "ws://@:",
		`x "http://u:secret@[h": missing "]"`:  `x "http://u:xxxxx@[h": missing "]"`,
		`x: "http://u:secret@[h": missing "]"`: `x:xxxxx@[h": missing "]"`,
	} {
		got := HidePassword(text)
		if got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
		if shown := ShowInput(text); strings.Contains(shown, "secret") || shown[0] != '"' {
			t.Errorf("%q is shown as %s", text, shown)
		}
	}
	for url, want := range map[string]string{
		"ws://user:secret@host/a:b@c?d:e@f": `"ws://user:xxxxx@host/a:b@c?..."`,
		"ws://host:80/a:b@c":                `"ws://host:80/a:b@c"`,
		"wss://user@[::1]:80/":              `"wss://user@[::1]:80/"`,
		"ws://user:secret@host":             `"ws://user:xxxxx@host"`,
		"":                                  `""`,
		"x":                                 `"x"`,
	} {
		if got := ShowURL(url); got != want {
			t.Errorf("%q is shown as %s, want %s", url, got, want)
		}
	}
}

package deflate

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	defaults := Params{ServerMaxWindowBits: 15, ClientMaxWindowBits: 15}
	with := func(change func(*Params)) *Params {
		p := defaults
		change(&p)
		return &p
	}
	for _, c := range []struct {
		values string // separated by |
		want   *Params
	}{
		{"permessage-deflate", &defaults},
		{"\t permessage-deflate\t ", &defaults},
		{"permessage-deflate; server_no_context_takeover", with(func(p *Params) { p.ServerNoContextTakeover = true })},
		{"permessage-deflate; client_no_context_takeover", with(func(p *Params) { p.ClientNoContextTakeover = true })},
		{"permessage-deflate; server_max_window_bits=9", with(func(p *Params) { p.ServerMaxWindowBits = 9 })},
		{"permessage-deflate; client_max_window_bits=8", with(func(p *Params) { p.ClientMaxWindowBits = 8 })},
		{`permessage-deflate; client_max_window_bits="10"`, with(func(p *Params) { p.ClientMaxWindowBits = 10 })},
		{`permessage-deflate; client_max_window_bits="1\0"`, with(func(p *Params) { p.ClientMaxWindowBits = 10 })},
		{"permessage-deflate ;  client_no_context_takeover ; server_max_window_bits = 12",
			with(func(p *Params) { p.ClientNoContextTakeover, p.ServerMaxWindowBits = true, 12 })},
		{"permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15; " +
			"client_max_window_bits=15",
			with(func(p *Params) { p.ServerNoContextTakeover, p.ClientNoContextTakeover = true, true })},
		{"", nil},
		{" ", nil},
		{";;=", nil},
		{"foo", nil},
		{"Permessage-Deflate", nil},
		{"permessage-deflate;", nil},
		{"permessage-deflate,", nil},
		{",permessage-deflate", nil},
		{"permessage-deflate, foo", nil},
		{"permessage-deflate foo", nil},
		{"permessage-deflate, permessage-deflate", nil},
		{"permessage-deflate|permessage-deflate", nil},
		{"permessage-deflate|", nil},
		{"permessage-deflate|foo", nil},
		{"permessage-deflate; foo", nil},
		{"permessage-deflate; foo=1", nil},
		{"permessage-deflate; server_no_context_takeover; server_no_context_takeover", nil},
		{"permessage-deflate; server_no_context_takeover=1", nil},
		{"permessage-deflate; client_no_context_takeover=", nil},
		{"permessage-deflate; server_max_window_bits", nil},
		{"permessage-deflate; server_max_window_bits=", nil},
		{"permessage-deflate; server_max_window_bits=7", nil},
		{"permessage-deflate; server_max_window_bits=16", nil},
		{"permessage-deflate; server_max_window_bits=010", nil},
		{"permessage-deflate; server_max_window_bits=+9", nil},
		{"permessage-deflate; server_max_window_bits=10; server_max_window_bits=10", nil},
		{"permessage-deflate; client_max_window_bits", nil},
		{"permessage-deflate; client_max_window_bits=x", nil},
		{`permessage-deflate; client_max_window_bits=""`, nil},
		{`permessage-deflate; client_max_window_bits="10`, nil},
		{`permessage-deflate; client_max_window_bits="1 0"`, nil},
		{`permessage-deflate; client_max_window_bits="10\`, nil},
		{`permessage-deflate; client_max_window_bits="10"0`, nil},
		{"permessage-deflate; client_max_window_bits=10 10", nil},
		{"permessage-deflate\x00", nil},
		{"permessage-deflate; \xff", nil},
	} {
		p, ok, err := Parse(strings.Split(c.values, "|"), true)
		switch {
		case c.want == nil:
			if err == nil || ok || p != (Params{}) || !strings.HasPrefix(err.Error(), "deflate: extensions ") {
				t.Errorf("%q: got %+v, %v, %v", c.values, p, ok, err)
			}
		case err != nil || !ok || p != *c.want:
			t.Errorf("%q: got %+v, %v, %v, want %+v", c.values, p, ok, err, *c.want)
		}
		if _, ok, err := Parse(strings.Split(c.values, "|"), false); err == nil || ok {
			t.Errorf("%q, not offered: got %v, %v", c.values, ok, err)
		}
	}
	if _, ok, err := Parse(nil, true); ok || err != nil {
		t.Errorf("no header: got %v, %v", ok, err)
	}
}

// FuzzExtensions checks that accepted values mean what they were parsed as.
func FuzzExtensions(f *testing.F) {
	f.Add("permessage-deflate")
	f.Add(Offer)
	f.Add(`permessage-deflate ; server_max_window_bits = "1\0";client_no_context_takeover`)
	f.Add("permessage-deflate; server_no_context_takeover; client_max_window_bits=8, foo; bar=\"x y\"")
	f.Fuzz(func(t *testing.T, value string) {
		p, ok, err := Parse([]string{value}, true)
		if ok != (err == nil) {
			t.Fatalf("%q: %v, %v", value, ok, err)
		}
		if err != nil {
			return
		}
		// Without whitespace and quoting there is one way to write each parameter, in any order.
		plain := strings.NewReplacer(" ", "", "\t", "", `"`, "", `\`, "").Replace(value)
		parts := strings.Split(plain, ";")
		if parts[0] != "permessage-deflate" || len(parts) > 5 {
			t.Fatalf("%q accepted", value)
		}
		got := Params{ServerMaxWindowBits: 15, ClientMaxWindowBits: 15}
		for _, part := range parts[1:] {
			name, bits, _ := strings.Cut(part, "=")
			n := map[string]int{"8": 8, "9": 9, "10": 10, "11": 11, "12": 12, "13": 13, "14": 14, "15": 15}[bits]
			switch {
			case name == "server_no_context_takeover" && bits == "":
				got.ServerNoContextTakeover = true
			case name == "client_no_context_takeover" && bits == "":
				got.ClientNoContextTakeover = true
			case name == "server_max_window_bits" && n > 0:
				got.ServerMaxWindowBits = n
			case name == "client_max_window_bits" && n > 0:
				got.ClientMaxWindowBits = n
			default:
				t.Fatalf("%q accepted", value)
			}
		}
		if got != p {
			t.Fatalf("%q: got %+v, want %+v", value, p, got)
		}
	})
}

package deflate

import (
	"slices"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	const alone = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	for _, c := range []struct {
		values  string // separated by |
		alone   string // the answer without context; "" is none, "error" the end of the handshake
		context string // ... with
	}{
		{"permessage-deflate", alone, "permessage-deflate"},
		{Offer, alone, "permessage-deflate"}, // Chromium, Firefox, WebKit
		{"permessage-deflate; client_max_window_bits; server_max_window_bits=10", alone + "; server_max_window_bits=10",
			"permessage-deflate; server_max_window_bits=10"},
		{"permessage-deflate; server_max_window_bits=15", alone, "permessage-deflate"},
		{"permessage-deflate; client_max_window_bits=9", alone, "permessage-deflate"},
		{`permessage-deflate; client_max_window_bits="9"`, alone, "permessage-deflate"},
		{"permessage-deflate; server_no_context_takeover", alone, "permessage-deflate; server_no_context_takeover"},
		{"permessage-deflate; client_no_context_takeover", alone, "permessage-deflate; client_no_context_takeover"},
		{"permessage-deflate;server_no_context_takeover;client_no_context_takeover", alone, alone},
		{" permessage-deflate ; server_max_window_bits = 8 ", alone + "; server_max_window_bits=8",
			"permessage-deflate; server_max_window_bits=8"},
		// RFC 7692, section 5.1 and 7.1.2.1: alternatives.
		{"permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate; client_max_window_bits",
			alone + "; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=10"},
		{"permessage-deflate; use_y, permessage-deflate", alone, "permessage-deflate"},
		{"permessage-deflate; server_max_window_bits=16, permessage-deflate; server_max_window_bits=9",
			alone + "; server_max_window_bits=9", "permessage-deflate; server_max_window_bits=9"},
		{"permessage-deflate; foo|permessage-deflate", alone, "permessage-deflate"},
		{"permessage-bzip2; method=x, permessage-deflate", alone, "permessage-deflate"},
		{`foo; bar="x\-y"; baz, permessage-deflate`, alone, "permessage-deflate"},
		{"foo; bar; bar, permessage-deflate", alone, "permessage-deflate"},
		{",permessage-deflate,,", alone, "permessage-deflate"},
		{"|permessage-deflate", alone, "permessage-deflate"},
		// Declined.
		{"", "", ""},
		{" ,\t, ", "", ""},
		{"foo", "", ""},
		{"x-webkit-deflate-frame", "", ""},
		{"Permessage-Deflate", "", ""},
		{"permessage-deflate; foo", "", ""},
		{"permessage-deflate; Server_No_Context_Takeover", "", ""},
		{"permessage-deflate; server_no_context_takeover=1", "", ""},
		{"permessage-deflate; client_no_context_takeover=true", "", ""},
		{"permessage-deflate; server_max_window_bits", "", ""},
		{"permessage-deflate; server_max_window_bits=7", "", ""},
		{"permessage-deflate; server_max_window_bits=16", "", ""},
		{"permessage-deflate; server_max_window_bits=08", "", ""},
		{"permessage-deflate; client_max_window_bits=7", "", ""},
		{"permessage-deflate; client_max_window_bits=x", "", ""},
		{"permessage-deflate; client_max_window_bits; client_max_window_bits=9", "", ""},
		{"permessage-deflate; server_no_context_takeover; server_no_context_takeover", "", ""},
		// Not in the grammar.
		{"permessage-deflate;", "error", "error"},
		{"permessage-deflate; ;", "error", "error"},
		{"permessage-deflate foo", "error", "error"},
		{";", "error", "error"},
		{"=", "error", "error"},
		{"permessage-deflate; client_max_window_bits=", "error", "error"},
		{`permessage-deflate; client_max_window_bits="9`, "error", "error"},
		{`permessage-deflate; client_max_window_bits=""`, "error", "error"},
		{"permessage-deflate, @", "error", "error"},
		{"permessage-deflate|\x00", "error", "error"},
		{"permessage-deflate; f\xf6\xf6", "error", "error"},
	} {
		for takeover, want := range map[bool]string{false: c.alone, true: c.context} {
			p, ok, err := Choose(strings.Split(c.values, "|"), takeover)
			got := ""
			switch {
			case err != nil:
				got = "error"
				if ok || p != (Params{}) {
					t.Errorf("%q, %v: %v, but %+v, %v", c.values, takeover, err, p, ok)
				}
			case ok:
				got = p.Extension()
			}
			if got != want {
				t.Errorf("%q, %v: got %q (%v), want %q", c.values, takeover, got, err, want)
			}
		}
	}
	if p, ok, err := Choose(nil, true); ok || err != nil || p != (Params{}) {
		t.Errorf("no header: got %+v, %v, %v", p, ok, err)
	}
}

// FuzzOffers checks that whatever is chosen is one of the offers, and that a client understands the answer.
func FuzzOffers(f *testing.F) {
	f.Add("permessage-deflate", false)
	f.Add(Offer, true)
	f.Add("permessage-deflate; server_max_window_bits=10; client_max_window_bits, permessage-deflate", true)
	f.Add(`foo; bar="x\y", permessage-deflate ; server_max_window_bits = "1\0";client_no_context_takeover`, false)
	f.Fuzz(func(t *testing.T, value string, takeover bool) {
		p, ok, err := Choose([]string{value}, takeover)
		if !ok {
			if p != (Params{}) {
				t.Fatalf("%q: nothing chosen, but %+v, %v", value, p, err)
			}
			return
		}
		if err != nil {
			t.Fatalf("%q: %+v and %v", value, p, err)
		}
		answer, agreed, err := Parse([]string{p.Extension()}, true)
		if err != nil || !agreed || answer != p {
			t.Fatalf("%q: the client takes %q for %+v, %v, %v, want %+v", value, p.Extension(), answer, agreed, err, p)
		}
		if !takeover && (!p.ServerNoContextTakeover || !p.ClientNoContextTakeover) {
			t.Fatalf("%q: context in %+v", value, p)
		}
		// One of the elements asks for this and for nothing else. A quoted value has no comma: it is a token.
		if !slices.ContainsFunc(strings.Split(value, ","), func(offer string) bool { return meets(p, offer, takeover) }) {
			t.Fatalf("%q: %q is no answer to any offer", value, p.Extension())
		}
	})
}

// meets reports whether p answers an offer, which is read by other means than in the package.
func meets(p Params, offer string, takeover bool) bool {
	plain := strings.NewReplacer(" ", "", "\t", "", `"`, "", `\`, "").Replace(offer)
	parts := strings.Split(plain, ";")
	want := Params{ServerNoContextTakeover: !takeover, ClientNoContextTakeover: !takeover, ServerMaxWindowBits: 15,
		ClientMaxWindowBits: 15}
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, "=")
		bits := 7 + slices.Index([]string{"8", "9", "10", "11", "12", "13", "14", "15"}, value) + 1
		switch name {
		case "server_no_context_takeover":
			want.ServerNoContextTakeover = true
		case "client_no_context_takeover":
			want.ClientNoContextTakeover = true
		case "server_max_window_bits":
			want.ServerMaxWindowBits = bits
		case "client_max_window_bits":
		default:
			return false
		}
	}
	return parts[0] == "permessage-deflate" && p == want
}

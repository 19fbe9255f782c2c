package handshake

import "testing"

func TestValidProtocol(t *testing.T) {
	for s, want := range map[string]bool{
		"chat": true, "!#$%&'*+-.^_`|~09azAZ": true, "": false, "a b": false, "a\tb": false, "a\x00": false, "\u00e9": false,
		"a,b": false, "a:b": false, "a\x7f": false, "(": false, "\xff": false, "{": false, "\\": false, "\"": false,
	} {
		if got := ValidProtocol(s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}

func TestBlockedPort(t *testing.T) {
	for port, want := range map[uint16]bool{
		0: false, 1: true, 2: false, 22: true, 25: true, 80: false, 443: false, 587: true, 4190: true, 6000: true, 6665: true,
		6669: true, 6670: false, 6679: true, 6697: true, 8080: false, 10080: true, 10081: false, 65535: false,
	} {
		if got := BlockedPort(port); got != want {
			t.Errorf("%d: %v", port, got)
		}
	}
	for i := range len(badPorts) - 1 {
		if badPorts[i] >= badPorts[i+1] {
			t.Errorf("%d is not in order", badPorts[i+1])
		}
	}
}

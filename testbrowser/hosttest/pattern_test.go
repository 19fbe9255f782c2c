//go:build !js

package hosttest

import "testing"

func TestBelow(t *testing.T) {
	for _, c := range []struct{ pattern, name, want string }{
		{"", "TestHosts/node", ""},
		{"TestHosts", "TestHosts/node", ""},
		{"TestHosts/node", "TestHosts/node", ""},
		{"TestHosts/node/TestA", "TestHosts/node", "TestA"},
		{"TestHosts//TestA/sub", "TestHosts/node", "TestA/sub"},
		{"TestHosts/node/TestA|TestHosts/node/TestB/sub", "TestHosts/node", "TestA|TestB/sub"},
		{"TestHosts/node/TestA|TestHosts/deno/TestB", "TestHosts/deno", "TestB"},
		{"TestHosts/node|TestHosts/deno", "TestHosts/node", ""},
		{"TestHosts/node|TestHosts/deno", "TestHosts/deno", ""},
		{"TestHosts/node/TestA|TestHosts/node", "TestHosts/node", ""},
		{"TestHosts/node/TestA|TestOther", "TestHosts/node", "TestA"},
		{"TestHosts/(node|deno)/(TestA|TestB)", "TestHosts/deno", "(TestA|TestB)"},
		{"TestHosts/^(node|deno)$/Test[/|A]/a", "TestHosts/deno", "Test[/|A]/a"},
		{`TestHosts/node/a\/b|Test\|`, "TestHosts/node", `a\/b`},
		{"TestHosts/node/[]]|b", "TestHosts/node", "[]]"}, // as the testing package sees it
		{"TestHosts/node/pkg/TestA", "TestHosts/node/pkg", "TestA"},
	} {
		if got := below(c.pattern, c.name); got != c.want {
			t.Errorf("of %q, %q is for the sub-tests of %s, want %q", c.pattern, got, c.name, c.want)
		}
	}
}

package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// foreignSees is what the clients of testdata print.
const foreignSees = `open interop permessage-deflate
text 0 true
text 11 true
text 660000 true
binary 100000 true
closed 4002 had enough true
open interop permessage-deflate
pushed 0
pushed 1
pushed 2
closed 4001 enough true
open interop permessage-deflate
pushed 0
pushed 1
pushed 2
closed 1001 enough true
`

// TestForeignClients has clients of other languages talk to a server by Accept: messages, compression, and close codes
// in both directions.
func TestForeignClients(t *testing.T) {
	for _, c := range []struct {
		name    string
		command func(t *testing.T, url string) *exec.Cmd
	}{
		{"npm ws", func(t *testing.T, url string) *exec.Cmd {
			return exec.CommandContext(t.Context(), node(t), "testdata/client.cjs", url, npmWS(t))
		}},
		{"node", func(t *testing.T, url string) *exec.Cmd {
			return exec.CommandContext(t.Context(), node(t), "testdata/client.cjs", url)
		}},
		{"python", func(t *testing.T, url string) *exec.Cmd {
			return exec.CommandContext(t.Context(), python(t), "testdata/client.py", url)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := startSite(t, accept).servers[0]
			command := c.command(t, "ws://"+server.plain+"/")
			out, err := command.CombinedOutput()
			if got := string(out); err != nil || got != foreignSees {
				t.Fatalf("%v: %v\n%s", command, err, got)
			}
			if got := server.session("echo").end(t); got != (ending{4002, "had enough"}) {
				t.Errorf("the server saw %+v", got)
			}
			for id, code := range map[string]int{"4001": 4001, "1001": 1001} { // the clients' answers
				if got := server.session(id).end(t); got.code != code {
					t.Errorf("the server saw %+v after it had closed with %d", got, code)
				}
			}
		})
	}
}

// node returns a Node that has WebSocket by itself.
func node(t testing.TB) string {
	t.Helper()
	path := os.Getenv("TESTBROWSER_PATH") + string(filepath.ListSeparator) + os.Getenv("PATH")
	for _, dir := range filepath.SplitList(path) {
		candidate := filepath.Join(dir, "node")
		if exec.Command(candidate, "-e", "WebSocket").Run() == nil {
			return candidate
		}
	}
	missing(t, "node", "Node 22 or later, in PATH or TESTBROWSER_PATH")
	return ""
}

// npmWS returns the directory of the npm package ws.
func npmWS(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("WS_TEST_NPM_WS")
	if dir == "" {
		missing(t, "npm-ws", "the npm package ws, and set WS_TEST_NPM_WS to its directory")
	}
	return dir
}

// python returns a Python that has the package websockets.
func python(t testing.TB) string {
	t.Helper()
	for _, candidate := range []string{"python3", "/usr/bin/python3"} { // the system's may be hidden by another
		if exec.Command(candidate, "-c", "import websockets").Run() == nil {
			return candidate
		}
	}
	missing(t, "python3-websockets", "Debian's package python3-websockets")
	return ""
}

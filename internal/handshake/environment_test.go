//go:build !js

package handshake

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestEnvironment: which variables name a proxy. Package net/http reads them once in a process, so each case has one of
// its own, which does not connect.
func TestEnvironment(t *testing.T) {
	const target = "WS_TEST_ENVIRONMENT"
	if raw := os.Getenv(target); raw != "" {
		client := &http.Client{Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment,
			DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
				return nil, errors.New("no network: " + addr)
			},
		}}
		_, err := Dial(patient(t), &Config{URL: parseURL(t, raw), Client: client})
		fmt.Println(err)
		return
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	environment := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(strings.ToUpper(variable), "=")
		return strings.HasSuffix(name, "_PROXY") || name == "REQUEST_METHOD"
	})
	for _, c := range []struct{ variables, url, want string }{
		{"HTTP_PROXY=http://127.0.0.1:3128", "ws://a.invalid", "no network: 127.0.0.1:3128"},
		{"http_proxy=127.0.0.1", "ws://a.invalid", "no network: 127.0.0.1:80"},
		{"HTTP_PROXY=http://127.0.0.1:3128", "wss://a.invalid", "no network: a.invalid:443"},
		{"HTTPS_PROXY=http://127.0.0.1:3128", "wss://a.invalid", "no network: 127.0.0.1:3128"},
		{"HTTPS_PROXY=http://127.0.0.1:3128", "ws://a.invalid", "no network: a.invalid:80"},
		{"HTTP_PROXY=socks5://127.0.0.1", "ws://a.invalid", "no network: 127.0.0.1:1080"},
		{"HTTP_PROXY=127.0.0.1:3128 NO_PROXY=.invalid", "ws://a.invalid", "no network: a.invalid:80"},
		{"ALL_PROXY=127.0.0.1:3128 all_proxy=127.0.0.1:3128", "ws://a.invalid", "no network: a.invalid:80"},
		{"HTTP_PROXY=127.0.0.1:3128", "ws://localhost", "no network: localhost:80"},
		{"HTTP_PROXY=user:secret@h%zz", "ws://a.invalid", "proxy"},
	} {
		t.Run(c.variables+" "+c.url, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(patient(t), program, "-test.run=^TestEnvironment$", "-test.v=false")
			cmd.Env = append(append(slices.Clone(environment), target+"="+c.url), strings.Fields(c.variables)...)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), c.want) || strings.Contains(string(out), "secret") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

//go:build !js

package harness

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws/testbrowser/hosttest"
)

// requireVariable names the environment variable with the hosts that must be there, separated by commas; "1" is all.
const requireVariable = "WS_REQUIRE_BROWSERS"

// AnyOrigin lets every page connect, because testbrowser's page has another origin than the servers of the tests. A
// server whose users log in lists its own pages' origins instead: see ws.AcceptOptions.
const AnyOrigin = "*"

// A Server is the server that the tests of a package use.
type Server struct {
	URL  string // of the WebSocket, "ws://127.0.0.1:4567"
	Stop func() error
}

// Main starts the server, runs the tests, stops the server and ends the program.
func Main(m *testing.M, start func() (Server, error)) {
	code, err := runTests(m, start)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func runTests(m *testing.M, start func() (Server, error)) (code int, err error) {
	server, err := start()
	if err != nil {
		return 1, fmt.Errorf("starting the server: %w", err)
	}
	if err := os.Setenv(serverVariable, server.URL); err != nil {
		return 1, err
	}
	code = m.Run()
	if err := server.Stop(); err != nil {
		return code, fmt.Errorf("stopping the server: %w", err)
	}
	return code, nil
}

// Hosts runs the package's tests in Chromium and in Node, as sub-tests of t. A host that is not installed is skipped,
// unless WS_REQUIRE_BROWSERS names it.
func Hosts(t *testing.T) {
	required := strings.Split(os.Getenv(requireVariable), ",")
	if os.Getenv(requireVariable) == "1" {
		required = []string{"all"}
	}
	hosttest.Run(t, hosttest.Config{
		Hosts:    []hosttest.Host{{Host: "chromium"}, {Host: "node", Oldest: 22}},
		Required: required,
		Env:      []string{serverVariable},
		Timeout:  5 * time.Minute,
	})
}

// Serve starts an HTTP server with handler on a loopback port. What stop stops after it, like the server of a
// protocol, is called in order by Stop.
func Serve(handler http.Handler, stop ...func() error) (Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return Server{}, err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	return Server{URL: "ws://" + l.Addr().String(), Stop: func() error {
		err := server.Close()
		if serveErr := <-served; serveErr != http.ErrServerClosed {
			return serveErr
		}
		for _, s := range stop {
			if err == nil {
				err = s()
			}
		}
		return err
	}}, nil
}

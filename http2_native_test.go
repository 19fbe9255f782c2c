//go:build !js

package ws_test

// WebSockets over HTTP/2 (RFC 8441): net/http's server, Accept, and the browsers that have it. internal/interop has the
// cases that no browser makes. A switch in the environment decides as the server starts, so it is a process of its own.

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/testbrowser/hosttest"
)

// http2Variable names the environment variable with the directory of the certificate. With it TestHTTP2Server serves.
const http2Variable = "WS_TEST_HTTP2_SERVER"

// TestHTTP2: TestPageHTTP2 in browsers, with two servers: one that offers WebSockets over HTTP/2, one that does not.
func TestHTTP2(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves the JavaScript hosts out")
	}
	dir := t.TempDir()
	writeCertificate(t, dir)
	config := hosttest.Config{Flags: []string{"-tls"}, Required: requiredHosts(), Timeout: 4 * time.Minute,
		Start: startServers}
	for variable, debug := range map[string]string{
		"WS_TEST_HTTP2": "http2xconnect=1", "WS_TEST_HTTP1": "http2xconnect=0",
	} {
		address := startHTTP2Server(t, dir, debug)
		config.Env = append(config.Env, variable+"="+address)
		config.Flags = append(config.Flags, "-trust", address+"="+filepath.Join(dir, "cert.pem"))
	}
	for _, browser := range pageBrowsers {
		config.Hosts = append(config.Hosts, hosttest.Host{Host: browser, TestFlags: []string{"-test.run=^TestPageHTTP2"}})
	}
	hosttest.Run(t, config)
}

// startHTTP2Server starts a server, and returns its address. The test's end stops it, which must lose no connection.
func startHTTP2Server(t *testing.T, dir, debug string) string {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(executable, "-test.run=^TestHTTP2Server$", "-test.v")
	cmd.Env = append(os.Environ(), http2Variable+"="+dir, "GODEBUG="+debug)
	var stdin io.WriteCloser
	var stdout io.ReadCloser
	if stdin, err = cmd.StdinPipe(); err == nil {
		stdout, err = cmd.StdoutPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	address := ""
	for address == "" && lines.Scan() {
		address, _ = strings.CutPrefix(lines.Text(), "listening on ")
		if address == lines.Text() {
			address = ""
		}
	}
	t.Cleanup(func() {
		var rest []string
		err := stdin.Close()
		for lines.Scan() {
			rest = append(rest, lines.Text())
		}
		if err := errors.Join(err, cmd.Wait()); err != nil {
			t.Errorf("the server with GODEBUG=%s: %v\n%s", debug, err, strings.Join(rest, "\n"))
		}
	})
	return address
}

// TestHTTP2Server is not a test but the server, in a process of its own. It ends when its standard input ends.
func TestHTTP2Server(t *testing.T) {
	dir := os.Getenv(http2Variable)
	if dir == "" {
		t.Skip("this is a process that TestHTTP2 starts")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group ws.Group
	server := &http.Server{
		Handler: http2Handler(&group),
		// These timeouts are for requests, not for connections.
		ReadTimeout: 2 * time.Second, WriteTimeout: 2 * time.Second,
	}
	served := make(chan error, 1)
	go func() {
		served <- server.ServeTLS(listener, filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	}()
	if _, err := os.Stdout.WriteString("listening on " + listener.Addr().String() + "\n"); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	server.RegisterOnShutdown(func() { go group.Shutdown(ctx, 0, "") })
	if err := errors.Join(server.Shutdown(ctx), group.Shutdown(ctx, 0, "")); err != nil {
		t.Error(err)
	}
	if err := await(t, "end of the server", served); err != http.ErrServerClosed {
		t.Error(err)
	}
}

// http2Handler serves WebSockets at /ws. The first message says by which HTTP the connection was opened; "close" makes
// the server close, and everything else is echoed.
func http2Handler(group *ws.Group) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/hello", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		_, _ = io.WriteString(w, r.Proto)
	})
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		// The request has been answered, and the client reports the error.
		_ = ws.Serve(w, r, &ws.AcceptOptions{
			Protocols: []string{"chat.v2"},
			Origins:   []string{"*"},
			Group:     group,
			OnOpen:    func(c *ws.Conn) { _ = c.Send(ws.Text(r.Proto)) },
			OnMessage: func(c *ws.Conn, m ws.Message) {
				if m == ws.Text("close") {
					_ = c.CloseWith(4000, "as asked")
				} else {
					_ = c.Send(m)
				}
			},
		})
	})
	mux.HandleFunc("/refused", func(w http.ResponseWriter, r *http.Request) {
		_ = ws.Serve(w, r, &ws.AcceptOptions{Origins: []string{"https://elsewhere.example"}})
	})
	return mux
}

// writeCertificate writes cert.pem and key.pem for 127.0.0.1.
func writeCertificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "EC PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

//go:build !js

package handshake

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// socks is a SOCKS5 proxy for one connection, which wants a request and connects with target. With a user name it wants
// that and a password.
func socks(t *testing.T, want []byte, login, target string) func(net.Conn) {
	return func(conn net.Conn) {
		read := func(n int) []byte {
			b := make([]byte, n)
			if _, err := io.ReadFull(conn, b); err != nil {
				t.Error(err)
			}
			return b
		}
		methods := read(int(read(2)[1]))
		if login == "" {
			conn.Write([]byte{5, 0})
		} else {
			if !bytes.Contains(methods, []byte{2}) {
				t.Errorf("methods %x", methods)
			}
			conn.Write([]byte{5, 2})
			if got := read(len(login)); string(got) != login {
				t.Errorf("login %q, want %q", got, login)
			}
			conn.Write([]byte{1, 0})
		}
		if got := read(len(want)); !bytes.Equal(got, want) {
			t.Errorf("request %x, want %x", got, want)
		}
		server, err := net.Dial("tcp", target)
		if err != nil {
			t.Error(err)
			return
		}
		defer server.Close()
		conn.Write(append([]byte{5, 0, 0, 3, 4}, "host\x00\x50"...))
		go func() {
			io.Copy(server, conn)
			server.(*net.TCPConn).CloseWrite()
		}()
		io.Copy(conn, server)
	}
}

// TestSOCKS reaches servers through a SOCKS5 proxy, by address and by a name that the proxy resolves.
func TestSOCKS(t *testing.T) {
	cert, pool := certificate(t)
	requests := make(chan *request, 1)
	plain, secure := serve(t, opener(t, requests)), serveTLS(t, cert, opener(t, requests))
	port := func(s *server) string {
		n := s.Addr().(*net.TCPAddr).Port
		return string([]byte{byte(n >> 8), byte(n)})
	}
	for _, c := range []struct {
		name, scheme, url string
		user              *url.Userinfo
		want, login       string
		target            *server
	}{
		{"IPv4", "socks5", "ws://" + plain.Addr().String(), nil, "\x05\x01\x00\x01\x7f\x00\x00\x01" + port(plain), "", plain},
		{"IPv6", "socks5", "ws://[::1]:8080", nil, "\x05\x01\x00\x04" + strings.Repeat("\x00", 15) + "\x01\x1f\x90", "",
			plain},
		{"name", "socks5h", "ws://nowhere.invalid", url.UserPassword("me", "pass"),
			"\x05\x01\x00\x03\x0fnowhere.invalid\x00\x50", "\x01\x02me\x04pass", plain},
		{"TLS", "socks5", "wss://" + secure.Addr().String(), url.User("me"),
			"\x05\x01\x00\x01\x7f\x00\x00\x01" + port(secure), "\x01\x02me\x00", secure},
	} {
		t.Run(c.name, func(t *testing.T) {
			proxy := serve(t, socks(t, []byte(c.want), c.login, c.target.Addr().String()))
			client := trusting(pool)
			client.Transport.(*http.Transport).Proxy = http.ProxyURL(&url.URL{Scheme: c.scheme, Host: proxy.Addr().String(),
				User: c.user})
			req := open(t, &Config{URL: parseURL(t, c.url+"/x"), Client: client}, requests)
			if req.line() != "GET /x HTTP/1.1" {
				t.Errorf("request %q", req.text)
			}
		})
	}
}

// TestSOCKSFailures: each is a ProxyError without a status.
func TestSOCKSFailures(t *testing.T) {
	long := strings.Repeat("x", 256)
	for _, c := range []struct {
		name, answers string
		user          *url.Userinfo
		want          string
	}{
		{"ends", "", nil, "unexpected EOF"},
		{"HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", nil, "not of SOCKS5"},
		{"no method", "\x05\xff", nil, "authentication"},
		{"password wanted", "\x05\x02", nil, "authentication"},
		{"password refused", "\x05\x02\x01\x01", url.UserPassword("me", "pass"), "refused"},
		{"no user name", "\x05\x02", url.UserPassword("", "pass"), "255 bytes"},
		{"long user name", "\x05\x02", url.UserPassword(long, "pass"), "255 bytes"},
		{"half an answer", "\x05\x00\x05\x00\x00", nil, "unexpected EOF"},
		{"half an address", "\x05\x00\x05\x00\x00\x03\x09x", nil, "unexpected EOF"},
		{"unknown address", "\x05\x00\x05\x00\x00\x09\x00", nil, "type 9"},
		{"not SOCKS5", "\x05\x00\x04\x00\x00\x01\x00", nil, "not of SOCKS5"},
		{"connection refused", "\x05\x00\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00", nil, "connection refused"},
		{"unknown failure", "\x05\x00\x05\x63\x00\x01\x00\x00\x00\x00\x00\x00", nil, "reply 99"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := serve(t, func(conn net.Conn) {
				conn.Write([]byte(c.answers))
				conn.(*net.TCPConn).CloseWrite()
				ended(t, conn)
			})
			client := &http.Client{Transport: &http.Transport{
				Proxy: http.ProxyURL(&url.URL{Scheme: "socks5", Host: server.Addr().String(), User: c.user}),
			}}
			_, err := Dial(patient(t), &Config{URL: parseURL(t, "ws://nowhere.invalid/"), Client: client})
			var failure *ProxyError
			if !errors.As(err, &failure) || failure.Address != server.Addr().String() || failure.StatusCode != 0 ||
				!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "pass@") {
				t.Errorf("error %v", err)
			}
		})
	}
	t.Run("cancel", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		server := serve(t, func(conn net.Conn) {
			conn.Read(make([]byte, 1))
			cancel()
			conn.SetDeadline(time.Now().Add(patience))
			ended(t, conn)
		})
		_, err := Dial(ctx, &Config{URL: parseURL(t, "ws://nowhere.invalid/"), Client: through("socks5", server, nil)})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

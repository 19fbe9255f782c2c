//go:build !js

package handshake

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"
)

// certificate is a self-signed one for 127.0.0.1, and a pool that trusts it.
func certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// serveTLS is serve under TLS, by a server that would like to speak HTTP/2.
func serveTLS(t testing.TB, cert tls.Certificate, handle func(net.Conn)) *server {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, listener, handle)
}

// trusting is a client that trusts pool and would like to speak HTTP/2.
func trusting(pool *x509.CertPool) *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: pool},
		ForceAttemptHTTP2: true,
	}}
}

func TestTLS(t *testing.T) {
	cert, pool := certificate(t)
	server := serveTLS(t, cert, func(conn net.Conn) {
		req := readRequest(t, conn)
		if req == nil {
			return
		}
		conn.Write([]byte(req.open("", "early")))
		io.Copy(conn, conn)
	})
	u := parseURL(t, "wss://"+server.Addr().String()+"/")

	_, err := Dial(patient(t), &Config{URL: u})
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		t.Errorf("self-signed certificate: %v", err)
	}

	client := trusting(pool)
	// HTTP/2 is on offer in the transport itself; its use must not matter.
	if _, err := client.Get("https://127.0.0.1:1/"); err == nil {
		t.Error("port 1 answers")
	}
	result, err := Dial(patient(t), &Config{URL: u, Client: client})
	if err != nil {
		t.Fatal(err)
	}
	defer result.Stream.Close()
	conn, ok := result.Stream.(*tls.Conn)
	if !ok {
		t.Fatalf("stream is a %T", result.Stream)
	}
	if protocol := conn.ConnectionState().NegotiatedProtocol; protocol == "h2" {
		t.Error("negotiated h2")
	}
	if _, ok := conn.NetConn().(*net.TCPConn); !ok {
		t.Errorf("TLS on a %T", conn.NetConn())
	}
	if result.Response.TLS == nil {
		t.Error("response without TLS state")
	}
	early := make([]byte, 5)
	n := copy(early, result.Early)
	if _, err := io.ReadFull(conn, early[n:]); err != nil || string(early) != "early" {
		t.Errorf("early bytes %q, %v", early, err)
	}
	echo(t, conn)
}

// TestTLSEnded has the end of the stream arrive with the response.
func TestTLSEnded(t *testing.T) {
	cert, pool := certificate(t)
	server := serveTLS(t, cert, func(conn net.Conn) {
		req := readRequest(t, conn)
		conn.Write([]byte(req.open("", "early")))
		conn.(*tls.Conn).CloseWrite()
		ended(t, conn)
	})
	for range 20 {
		result, err := Dial(patient(t),
			&Config{URL: parseURL(t, "wss://"+server.Addr().String()+"/"), Client: trusting(pool)})
		if err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(result.Stream)
		if string(result.Early)+string(rest) != "early" || err != nil {
			t.Errorf("early bytes %q, then %q, %v", result.Early, rest, err)
		}
		result.Stream.Close()
	}
}

func TestDialTLSOfCaller(t *testing.T) {
	cert, pool := certificate(t)
	requests := make(chan *request, 1)
	server := serveTLS(t, cert, opener(t, requests))
	client := &http.Client{Transport: &http.Transport{
		DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			dialer := &tls.Dialer{Config: &tls.Config{RootCAs: pool}}
			return dialer.DialContext(ctx, network, server.Addr().String())
		},
	}}
	req := open(t, &Config{URL: parseURL(t, "wss://nowhere.invalid/x"), Client: client}, requests)
	if req.field("Host") != "nowhere.invalid" {
		t.Errorf("request %q", req.text)
	}
}

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"strings"
	"time"
)

// certificate is a certificate that the browser is told to accept: the one with which -tls serves the page, made for
// one run and signed by itself, or one that -trust names.
type certificate struct {
	tls     tls.Certificate
	address string // host and port that it is for
}

// parseTrust reads ADDRESS=FILE, a certificate in PEM and the host and port of its server.
func parseTrust(value string) (*certificate, error) {
	address, file, _ := strings.Cut(value, "=")
	if _, _, err := net.SplitHostPort(address); err != nil || file == "" {
		return nil, fmt.Errorf("%q does not look like -trust 127.0.0.1:8443=cert.pem", value)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%s has no certificate in PEM", file)
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &certificate{tls.Certificate{Certificate: [][]byte{block.Bytes}, Leaf: leaf}, address}, nil
}

func newCertificate(address net.Addr) (*certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "testbrowser"},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.Add(7 * 24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},

		BasicConstraintsValid: true,
	}
	if tcp, ok := address.(*net.TCPAddr); ok && !tcp.IP.IsUnspecified() {
		template.IPAddresses = append(template.IPAddresses, tcp.IP)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &certificate{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, address.String()}, nil
}

// keyHashes returns Chromium's names of the certificates to accept.
func keyHashes(certificates []*certificate) string {
	list := make([]string, len(certificates))
	for i, c := range certificates {
		hash := sha256.Sum256(c.tls.Leaf.RawSubjectPublicKeyInfo)
		list[i] = base64.StdEncoding.EncodeToString(hash[:])
	}
	return strings.Join(list, ",")
}

// firefoxOverrides returns Firefox's cert_override.txt.
func firefoxOverrides(certificates []*certificate) string {
	var text strings.Builder
	for _, c := range certificates {
		text.WriteString(c.firefoxOverride())
	}
	return text.String()
}

// firefoxOverride returns one line of it: an exception for this certificate at this address.
func (c *certificate) firefoxOverride() string {
	hash := sha256.Sum256(c.tls.Certificate[0])
	bytes := make([]string, len(hash))
	for i, b := range hash {
		bytes[i] = fmt.Sprintf("%02X", b)
	}
	const sha256OID = "OID.2.16.840.1.101.3.4.2.1"
	return fmt.Sprintf("%s:\t%s\t%s\t\n", c.address, sha256OID, strings.Join(bytes, ":"))
}

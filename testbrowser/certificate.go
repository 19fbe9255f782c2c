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
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"
)

// certificate is what -tls serves the page with: made for one run, signed by itself.
type certificate struct {
	tls     tls.Certificate
	address string // host and port that it is for
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

// keyHash is how Chromium names the certificates to accept.
func (c *certificate) keyHash() string {
	hash := sha256.Sum256(c.tls.Leaf.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(hash[:])
}

// firefoxOverride is a line of Firefox's cert_override.txt: an exception for this certificate at this address.
func (c *certificate) firefoxOverride() string {
	hash := sha256.Sum256(c.tls.Certificate[0])
	bytes := make([]string, len(hash))
	for i, b := range hash {
		bytes[i] = fmt.Sprintf("%02X", b)
	}
	const sha256OID = "OID.2.16.840.1.101.3.4.2.1"
	return fmt.Sprintf("%s:\t%s\t%s\t\n", c.address, sha256OID, strings.Join(bytes, ":"))
}

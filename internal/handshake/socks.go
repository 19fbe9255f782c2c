//go:build !js

package handshake

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strconv"
)

// Numbers of SOCKS5 (RFC 1928 and, for the password, RFC 1929).
const (
	socksVersion     = 5
	socksNoAuth      = 0
	socksPassword    = 2
	socksNoMethod    = 0xff
	socksConnect     = 1
	socksIPv4        = 1
	socksDomain      = 3
	socksIPv6        = 4
	passwordVersion  = 1
	passwordAccepted = 0
)

// askSOCKS asks a SOCKS5 proxy to connect conn with addr. The proxy resolves names, as with http.Transport for socks5
// and socks5h.
func askSOCKS(conn net.Conn, user *url.Userinfo, addr string) error {
	request, err := socksRequest(addr)
	if err != nil {
		return err
	}
	greeting := []byte{socksVersion, 1, socksNoAuth}
	if user != nil {
		greeting = []byte{socksVersion, 2, socksNoAuth, socksPassword}
	}
	if _, err := conn.Write(greeting); err != nil {
		return err
	}
	var choice [2]byte
	if err := readSOCKS(conn, choice[:]); err != nil {
		return err
	}
	switch {
	case choice[0] != socksVersion:
		return fmt.Errorf("the answer %x is not of SOCKS5", choice)
	case choice[1] == socksPassword && user != nil:
		if err := logIn(conn, user); err != nil {
			return err
		}
	case choice[1] == socksNoMethod:
		return errors.New("SOCKS5: the proxy accepts none of the offered authentication methods")
	case choice[1] != socksNoAuth:
		return fmt.Errorf("SOCKS5: the method of authentication %d was not offered", choice[1])
	}
	if _, err := conn.Write(request); err != nil {
		return err
	}
	return readSOCKSReply(conn, addr)
}

// socksRequest returns the request for a connection to addr.
func socksRequest(addr string) ([]byte, error) {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("port of %s: %w", addr, err)
	}
	b := []byte{socksVersion, socksConnect, 0}
	switch ip, err := netip.ParseAddr(host); {
	case err == nil && ip.Is4():
		b = append(append(b, socksIPv4), ip.AsSlice()...)
	case err == nil:
		b = append(append(b, socksIPv6), ip.AsSlice()...)
	case len(host) > 255:
		return nil, fmt.Errorf("SOCKS5: the host name %q is longer than 255 bytes", host)
	default:
		b = append(append(b, socksDomain, byte(len(host))), host...)
	}
	return binary.BigEndian.AppendUint16(b, uint16(port)), nil
}

// logIn sends name and password.
func logIn(conn net.Conn, user *url.Userinfo) error {
	name := user.Username()
	password, _ := user.Password()
	if name == "" || len(name) > 255 || len(password) > 255 {
		return errors.New("SOCKS5: user name and password must have 1 to 255 bytes")
	}
	b := append([]byte{passwordVersion, byte(len(name))}, name...)
	b = append(append(b, byte(len(password))), password...)
	if _, err := conn.Write(b); err != nil {
		return err
	}
	var answer [2]byte
	if err := readSOCKS(conn, answer[:]); err != nil {
		return err
	}
	if answer[1] != passwordAccepted {
		return errors.New("SOCKS5: user name and password are refused")
	}
	return nil
}

// readSOCKSReply reads the answer to a request.
func readSOCKSReply(conn net.Conn, addr string) error {
	var head [5]byte // the last is the first of the address
	if err := readSOCKS(conn, head[:]); err != nil {
		return err
	}
	if head[0] != socksVersion {
		return fmt.Errorf("the answer %x is not of SOCKS5", head)
	}
	if head[1] != 0 {
		return fmt.Errorf("SOCKS5: connect with %s: %s", addr, socksFailure(head[1]))
	}
	rest := 2 - 1 // the port, less what has been read of the address
	switch head[3] {
	case socksIPv4:
		rest += 4
	case socksIPv6:
		rest += 16
	case socksDomain:
		rest += 1 + int(head[4])
	default:
		return fmt.Errorf("SOCKS5: address of the unknown type %d", head[3])
	}
	return readSOCKS(conn, make([]byte, rest))
}

// readSOCKS reads until b is full.
func readSOCKS(conn net.Conn, b []byte) error {
	if _, err := io.ReadFull(conn, b); err != nil {
		return fmt.Errorf("SOCKS5 answer: %w", unexpected(err))
	}
	return nil
}

// socksFailure returns the meaning of a reply (RFC 1928, section 6).
func socksFailure(reply byte) string {
	switch reply {
	case 1:
		return "general failure of the proxy"
	case 2:
		return "not allowed"
	case 3:
		return "network unreachable"
	case 4:
		return "host unreachable"
	case 5:
		return "connection refused"
	case 6:
		return "time to live expired"
	case 7:
		return "command not supported"
	case 8:
		return "address type not supported"
	}
	return "reply " + strconv.Itoa(int(reply))
}

//go:build !js

package handshake

import (
	"net/http"
	"testing"
)

// TestExtendedConnectVersion: an answer over HTTP/2 has no fields of a connection (RFC 9113, section 8.2.2).
func TestExtendedConnectVersion(t *testing.T) {
	r := &http.Request{Method: http.MethodConnect, ProtoMajor: 2, Header: http.Header{
		":protocol": {"websocket"}, "Sec-Websocket-Version": {"8"},
	}}
	_, refusal := new(AcceptConfig).Check(r)
	if refusal == nil || refusal.Status != http.StatusUpgradeRequired {
		t.Fatalf("refusal: %+v", refusal)
	}
	if refusal.Header.Get("Sec-Websocket-Version") != "13" || len(refusal.Header) != 1 {
		t.Errorf("the fields are %v", refusal.Header)
	}
}

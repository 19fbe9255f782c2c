//go:build !js

package handshake

import (
	"net/http"
	"net/http/httptest"
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

// TestExtendedConnectBody: a request without a Body, which no server makes, is refused before anybody reads from it.
func TestExtendedConnectBody(t *testing.T) {
	r := &http.Request{Method: http.MethodConnect, ProtoMajor: 2, Header: http.Header{
		":protocol": {"websocket"}, "Sec-Websocket-Version": {"13"},
	}}
	w := httptest.NewRecorder()
	result, refusal := Accept(w, r, new(AcceptConfig))
	if result != nil || refusal == nil || refusal.Status != http.StatusInternalServerError || w.Code != refusal.Status {
		t.Errorf("Accept returned %v, %+v and answered %d, want 500", result, refusal, w.Code)
	}
}

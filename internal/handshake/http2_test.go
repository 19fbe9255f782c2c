//go:build !js

package handshake

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
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

// leavingHandler is a response whose handler returns while Close interrupts a Write: net/http then panics.
type leavingHandler struct {
	*httptest.ResponseRecorder
	writes, leaves chan struct{}
}

func (l leavingHandler) Write([]byte) (int, error) {
	close(l.writes)
	<-l.leaves
	return 0, io.ErrClosedPipe
}

func (l leavingHandler) SetWriteDeadline(t time.Time) error {
	if t.IsZero() {
		return nil
	}
	close(l.leaves)
	panic("the handler has returned")
}

// TestCloseBesideReturn: a handler that returns too early while Close ends a Write does not end the program.
func TestCloseBesideReturn(t *testing.T) {
	r := httptest.NewRequest(http.MethodConnect, "https://example.com/", nil)
	r.ProtoMajor = 2
	r.Header = http.Header{":protocol": {"websocket"}, "Sec-Websocket-Version": {"13"}}
	w := leavingHandler{httptest.NewRecorder(), make(chan struct{}), make(chan struct{})}
	result, refusal := Accept(w, r, new(AcceptConfig))
	if refusal != nil {
		t.Fatal(refusal.Err)
	}
	written := make(chan error, 1)
	go func() {
		_, err := result.Stream.Write([]byte("a"))
		written <- err
	}()
	<-w.writes
	if err := result.Stream.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-written; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Write: %v", err)
	}
	<-result.Finished
}

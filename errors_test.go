package ws_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

func TestExceptionIs(t *testing.T) {
	t.Parallel()
	names := map[error]string{
		ws.ErrSecurity:      "SecurityError",
		ws.ErrSyntax:        "SyntaxError",
		ws.ErrInvalidAccess: "InvalidAccessError",
		ws.ErrInvalidState:  "InvalidStateError",
	}
	for kind, name := range names {
		err := fmt.Errorf("wrapped: %w", &ws.Exception{Name: name, Message: "what failed"})
		for other := range names {
			if errors.Is(err, other) != (other == kind) {
				t.Errorf("errors.Is(%v, %v) is %v", err, other, errors.Is(err, other))
			}
		}
		//lint:ignore SA1032 both ways round
		if errors.Is(err, ws.ErrMessageTooBig) || errors.Is(ws.ErrMessageTooBig, kind) {
			t.Errorf("%v and %v are taken for the same", err, ws.ErrMessageTooBig)
		}
		if s := err.Error(); !strings.Contains(s, name) || !strings.Contains(s, "what failed") {
			t.Errorf("Error %q", s)
		}
	}
	if errors.Is(&ws.Exception{Name: "SyntaxError"}, (*ws.Exception)(nil)) {
		t.Error("an Exception is taken for nil")
	}
	if s := (&ws.Exception{Name: "TypeError"}).Error(); !strings.Contains(s, "TypeError") || strings.HasSuffix(s, ": ") {
		t.Errorf("Error without a message %q", s)
	}
}

func TestCloseError(t *testing.T) {
	t.Parallel()
	cause := fmt.Errorf("cause: %w", io.ErrUnexpectedEOF)
	for _, test := range []struct {
		err  ws.CloseError
		want []string
	}{
		{ws.CloseError{CloseEvent: ws.CloseEvent{Code: 4123, Reason: "bye", WasClean: true}}, []string{"4123", `"bye"`}},
		{ws.CloseError{CloseEvent: abnormal}, []string{"1006"}},
		{ws.CloseError{CloseEvent: abnormal, Err: cause}, []string{"1006", cause.Error()}},
	} {
		for _, part := range test.want {
			if s := test.err.Error(); !strings.Contains(s, part) {
				t.Errorf("Error %q does not name %s", s, part)
			}
		}
		if errors.Unwrap(&test.err) != test.err.Err {
			t.Errorf("Unwrap returns %v, want %v", errors.Unwrap(&test.err), test.err.Err)
		}
	}
	if !errors.Is(&ws.CloseError{Err: cause}, io.ErrUnexpectedEOF) {
		t.Error("the cause is not found")
	}
}

// TestHandshakeErrors: the errors of the opening handshake are the same types on every platform.
func TestHandshakeErrors(t *testing.T) {
	t.Parallel()
	cause := fmt.Errorf("cause: %w", io.ErrUnexpectedEOF)
	header := map[string][]string{"X-Test": {"yes"}}
	plain := map[string][]string{"Content-Type": {"text/plain; charset=utf-8"}}
	for _, test := range []struct {
		err  error
		want []string
	}{
		{&ws.HandshakeError{StatusCode: 404, Header: header, Body: []byte("no")}, []string{"404"}},
		{&ws.HandshakeError{StatusCode: 400, Header: plain, Body: []byte("the server \x1bsays why\r\nand more")},
			[]string{"400", `101: "the server \x1bsays why"`}},
		{&ws.HandshakeError{StatusCode: 101, Header: header, Cause: cause}, []string{cause.Error()}},
		{&ws.ProxyError{Address: "proxy.test:3128", StatusCode: 407, Header: header}, []string{"proxy.test:3128", "407"}},
		{&ws.ProxyError{Address: "proxy.test:3128", Cause: cause}, []string{"proxy.test:3128", cause.Error()}},
		{&ws.ProxyError{Address: "proxy.test:3128", StatusCode: 200, Cause: cause},
			[]string{"proxy.test:3128", "200", cause.Error()}},
	} {
		closed := &ws.CloseError{CloseEvent: abnormal, Err: fmt.Errorf("opening handshake: %w", test.err)}
		for _, part := range test.want {
			if s := closed.Error(); !strings.Contains(s, part) {
				t.Errorf("Error %q does not name %s", s, part)
			}
		}
		if !errors.Is(closed, test.err) || errors.Is(closed, io.ErrUnexpectedEOF) != (errors.Unwrap(test.err) != nil) {
			t.Errorf("errors.Is of %v with the cause %v", closed, errors.Unwrap(test.err))
		}
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for state, want := range map[ws.ReadyState]string{0: "CONNECTING", 1: "OPEN", 2: "CLOSING", 3: "CLOSED",
		4: "ReadyState(4)"} {
		if got := state.String(); got != want {
			t.Errorf("ReadyState %d is %q, want %q", uint16(state), got, want)
		}
	}
	if ws.Connecting != 0 || ws.Open != 1 || ws.Closing != 2 || ws.Closed != 3 {
		t.Error("the states do not have the standard's numbers")
	}
	for code, want := range map[ws.StatusCode]string{
		1000: "StatusNormalClosure", 1001: "StatusGoingAway", 1002: "StatusProtocolError", 1003: "StatusUnsupportedData",
		1004: "StatusCode(1004)",
		1005: "StatusNoStatusRcvd", 1006: "StatusAbnormalClosure", 1007: "StatusInvalidFramePayloadData",
		1008: "StatusPolicyViolation",
		1009: "StatusMessageTooBig", 1010: "StatusMandatoryExtension", 1011: "StatusInternalError",
		1012: "StatusServiceRestart",
		1013: "StatusTryAgainLater", 1014: "StatusBadGateway", 1015: "StatusTLSHandshake", 0: "StatusCode(0)",
		4123: "StatusCode(4123)",
	} {
		if got := code.String(); got != want {
			t.Errorf("StatusCode %d is %q, want %q", uint16(code), got, want)
		}
	}
	if ws.BinaryArrayBuffer != "arraybuffer" || ws.BinaryBlob != "blob" {
		t.Error("the binary types do not have the standard's names")
	}
}

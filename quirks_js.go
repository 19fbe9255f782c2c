//go:build js && wasm

package ws

import (
	"syscall/js"
)

// Where single hosts deviate from the standards, and what is done about it: one function for each, and no such code
// anywhere else. Deviations that no code can correct are in the table of host_bugs_test.go.
//
// The comment of a function ends with three lines, which TestQuirks reads: the hosts with the version in which it was
// seen last, the reason, and the tests that fail without the function. Features that a host merely lacks are not here:
// access_js.go has defaults for them.

// exceptionNamed makes an Exception from the name and the message of what the host threw.
//
// Host: Firefox 153
// Reason: where a Content-Security-Policy forbids the connection the constructor throws NS_ERROR_CONTENT_BLOCKED, an
// XPCOM name, without a message
// Test: TestPagePolicy
func exceptionNamed(name, message string) error {
	if name == "NS_ERROR_CONTENT_BLOCKED" {
		return exception(ErrSecurity, "the page's Content-Security-Policy does not allow the connection")
	}
	return &Exception{Name: name, Message: message}
}

// closedSilently reports whether the host's object is CLOSED, so that waiting for a close event is useless: in the task
// after that of the error event there was none.
//
// Host: Chromium 156
// Reason: where a Content-Security-Policy forbids the connection there is an error event, with readyState CLOSED, and
// never a close event
// Test: TestPagePolicy
func (c *Conn) closedSilently() bool { return c.hostState() == Closed }

// closeCode returns the code of a close event whose code is missing or not a code.
//
// Host: Deno 2.9
// Reason: the code is 0 where nothing was received
// Test: TestLostConnection
func closeCode(code js.Value, clean bool) StatusCode {
	n := number(code)
	switch {
	case code.Type() == js.TypeNumber && n >= 0 && n < 1<<16 && (n > 0 || clean):
		return StatusCode(n)
	case clean:
		return StatusNoStatusRcvd
	}
	return StatusAbnormalClosure
}

// closedUnopened returns the close event of a connection. If the connection was closed before it opened, there was no
// closing handshake, and the event says so; otherwise it is returned unchanged.
//
// Host: Firefox 153
// Reason: close() while the answer to the handshake is on its way ends with 1005, cleanly
// Test: TestEndDialRace
func (c *Conn) closedUnopened(closed CloseEvent) CloseEvent {
	if c.in.opened {
		return closed
	}
	return CloseEvent{Code: StatusAbnormalClosure}
}

// lost reports whether a string that was made from many bytes is empty.
//
// Host: Chromium 156
// Reason: TextDecoder makes "" of what is longer than the longest string, 2^29-24 characters, where other hosts throw
// Test: TestLongText
func (h *host) lost(v js.Value) bool { return v.Type() != js.TypeString || v.Equal(h.empty) }

// closeOvertakes reports whether close has to wait for bufferedAmount to be 0: once the Blob has gone to the network,
// every host keeps the order.
//
// Host: Node 24, WebKitGTK 2.50
// Reason: the Close frame overtakes a Blob that is still being read (Node), or the Blob is dropped (WebKitGTK)
// Test: TestSendOrder, TestTruth
func (c *Conn) closeOvertakes() bool { return c.out.sentBlob && c.hostBuffered() > 0 }

// withType returns a Blob with the requested media type.
//
// Host: Bun 1.4
// Reason: the slice of a Blob takes the Blob's type over if it is to have none
// Test: TestBlobSliceType
func (h *host) withType(blob js.Value, typ string) js.Value {
	if h.getText(blob, "type") == typ {
		return blob
	}
	if copied, thrown := h.newBlob(typ, blob); thrown == nil {
		return copied
	}
	return blob
}

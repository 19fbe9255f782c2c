package ws_test

import (
	"fmt"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

// TestPrinted: fmt prints messages in a readable form.
func TestPrinted(t *testing.T) {
	t.Parallel()
	type envelope struct{ M ws.Message }
	abc := ws.Bytes("abc")
	for _, test := range []struct {
		message ws.Message
		want    string
	}{
		{ws.Text("abc"), "abc"},
		{ws.NewArrayBuffer(abc), "ArrayBuffer(3 bytes)"},
		{new(ws.ArrayBuffer), "ArrayBuffer(0 bytes)"},
		{(*ws.ArrayBuffer)(nil), "<nil>"},
		{blobOf(t, "", abc), "Blob(3 bytes)"},
		{blobOf(t, "text/plain", abc), "Blob(3 bytes)"},
		{new(ws.Blob), "Blob(0 bytes)"},
		{(*ws.Blob)(nil), "<nil>"},
	} {
		for _, format := range []string{"%v", "%s", "%+v"} {
			if got := fmt.Sprintf(format, test.message); got != test.want {
				t.Errorf("Sprintf(%q) is %q, want %q", format, got, test.want)
			}
		}
		if got, want := fmt.Sprint(envelope{test.message}), "{"+test.want+"}"; got != want {
			t.Errorf("in a struct it is %q, want %q", got, want)
		}
		if got, want := fmt.Sprintf("%v", []ws.Message{test.message}), "["+test.want+"]"; got != want {
			t.Errorf("in a slice it is %q, want %q", got, want)
		}
	}
}

// TestPrintedReceived: the same for messages that were received.
func TestPrintedReceived(t *testing.T) {
	t.Parallel()
	c := dial(t, "/echo", nil)
	send(t, c, ws.Bytes("abc"), ws.Bytes("abcd"))
	if got := fmt.Sprint(read(t, c)); got != "ArrayBuffer(3 bytes)" {
		t.Errorf("an ArrayBuffer is %q", got)
	}
	c.SetBinaryType(ws.BinaryBlob)
	if got := fmt.Sprint(read(t, c)); got != "Blob(4 bytes)" {
		t.Errorf("a Blob is %q", got)
	}
}

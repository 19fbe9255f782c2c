//go:build !js

package ws_test

// What ReadAppend returns for messages that waited when their connection failed.

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

// TestReadAppendAfterFailure: messages that wait to be read do not change while the rest of a failed connection is read
// and ignored.
func TestReadAppendAfterFailure(t *testing.T) {
	t.Parallel()
	for _, end := range []struct {
		name  string
		frame []byte
	}{
		{"Close", []byte{fin | 8, 2, 1000 >> 8, 1000 & 0xff}},
		{"violation", []byte{fin | 3, 0}},
	} {
		t.Run(end.name, func(t *testing.T) {
			t.Parallel()
			c, conn := rawDial(t, &ws.Options{Native: ws.NativeOptions{DisableCompression: true}})
			mustWrite(t, conn, wireMessage([]byte("first")))
			if _, err := c.ReadAppend(testContext(t), nil); err != nil { // messages are lent from now on
				t.Fatal(err)
			}
			const count = 200
			want := func(i int) []byte { return bytes.Repeat(fmt.Appendf(nil, "%04d", i), 50) }
			var all []byte
			for i := range count {
				all = append(all, wireMessage(want(i))...)
			}
			all = append(append(all, end.frame...), make([]byte, 100)...)
			mustWrite(t, conn, all)
			// More than the systems between keep: when it has been written, or the connection is over, much has been read.
			_, _ = conn.Write(bytes.Repeat([]byte{0xdd}, 16<<20))
			var buf []byte
			for i := range count {
				var err error
				if buf, err = c.ReadAppend(testContext(t), buf[:0]); err != nil {
					t.Fatal(i, err)
				}
				if !bytes.Equal(buf, want(i)) {
					t.Fatalf("message %d begins with %q", i, buf[:min(len(buf), 8)])
				}
			}
		})
	}
}

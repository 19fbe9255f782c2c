//go:build !race

package deflate

import (
	"testing"

	"github.com/seed2c7e30c3/ws/internal/deflate/deflatetest"
)

// TestDeflateAllocs checks that compressing into a buffer that is large enough allocates nothing. The race detector
// makes pools forget.
func TestDeflateAllocs(t *testing.T) {
	for _, keep := range []bool{true, false} {
		for _, size := range []int{100, 1 << 10, 64 << 10} {
			msg := deflatetest.JSON(1, size)[0]
			d := NewDeflater(15, keep)
			out := make([]byte, 0, 2*size)
			if n := testing.AllocsPerRun(200, func() { d.Deflate(out, msg) }); n > 0 {
				t.Errorf("context %v, %d bytes: %v allocations", keep, size, n)
			}
		}
	}
}

//go:build 386 || arm || mips || mipsle || wasm

package frame

import "runtime"

// MaxMessage is the length in bytes of the longest message that a Reader takes, whatever its limit: 1.125 GiB if
// programs can address 4 GiB, half of that if they can address 2. A message that comes in pieces is joined from them,
// so for a moment it takes twice its length. If there were no room for it, the program would end, and nothing could
// prevent that. (On linux/386 a message in fragments could have 1.7 GiB, but if it had 1.25 there was no
// room for a second one, since what was free was not in one piece.) Even a shorter message is too big if the program
// leaves no room for it.
const MaxMessage int64 = addresses / 32 * 9

const (
	// large is the number of bytes from which it is worth checking how much memory there is.
	large = 64 << 20
	// mostUsed is the most memory that the program may use, including that of a message; mostSystem is the most that may
	// be taken from the system.
	mostUsed   = addresses / 4 * 3
	mostSystem = addresses / 16 * 15
)

// fits reports whether there is memory for n bytes. It collects garbage first: by itself the collector waits until
// twice as much is in use as after the last collection, which may be more than there is.
func fits(n int) bool {
	if n < large {
		return true
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	size := uint64(n)
	// The free memory may be in pieces that are too small.
	return m.HeapInuse+size <= mostUsed && (m.HeapSys+size <= mostSystem || m.HeapIdle >= 3*size)
}

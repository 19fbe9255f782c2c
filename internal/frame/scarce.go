//go:build 386 || arm || mips || mipsle || wasm

package frame

import "runtime"

// MaxMessage is the length in bytes of the longest message that a Reader takes, whatever its limit: 1.125 GiB where
// programs have addresses for 4 GiB, half of that where they have 2. A message that comes in pieces is joined from
// these, so it takes twice its length for a moment. If there were no room for it the program would end, which
// nothing can prevent. (On linux/386 a message in fragments could have 1.7 GiB, but if it had 1.25 there was no
// room for a second one, since what was free was not in one piece.) A shorter message too is too big if the program
// leaves no room for it.
const MaxMessage int64 = addresses / 32 * 9

const (
	// large is for how many bytes it is worth looking at what memory there is.
	large = 64 << 20
	// mostUsed is up to how much memory of the program may be in use with that of a message, mostSystem how much may
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
	// What is free may be in pieces that are too small.
	return m.HeapInuse+size <= mostUsed && (m.HeapSys+size <= mostSystem || m.HeapIdle >= 3*size)
}

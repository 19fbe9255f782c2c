//go:build !(386 || arm || mips || mipsle || wasm)

package frame

import "math"

// MaxMessage is the length in bytes of the longest message that a Reader takes, whatever its limit. With 64-bit
// addresses it is no limit; with 32-bit addresses it is 1.125 GiB or less.
const MaxMessage int64 = math.MaxInt64

const large = math.MaxInt

// fits reports whether there is memory for n bytes. With 64-bit addresses that is left to the system.
func fits(int) bool { return true }

//go:build !(386 || arm || mips || mipsle || wasm)

package frame

import "math"

// MaxMessage is the length in bytes of the longest message that a Reader takes, whatever its limit. Where memory
// has addresses of 64 bits it bounds nothing; where they have 32, it is 1.125 GiB or less.
const MaxMessage int64 = math.MaxInt64

const large = math.MaxInt

// fits reports whether there is memory for n bytes. What there is is not for us to say.
func fits(int) bool { return true }

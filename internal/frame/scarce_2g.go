//go:build mips || mipsle || (386 && windows)

package frame

// addresses is the number of bytes that a program can address.
const addresses = 2 << 30

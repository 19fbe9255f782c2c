//go:build mips || mipsle || (386 && windows)

package frame

// addresses is how many bytes a program can address.
const addresses = 2 << 30

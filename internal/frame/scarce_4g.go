//go:build wasm || (386 && !windows) || arm

package frame

// addresses is the number of bytes that a program can address.
const addresses = 4 << 30

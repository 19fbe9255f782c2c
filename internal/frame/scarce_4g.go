//go:build wasm || (386 && !windows) || arm

package frame

// addresses is how many bytes a program can address.
const addresses = 4 << 30

//go:build !race

package ws_test

// raceDetector tells that memory figures are not those of the program.
const raceDetector = false

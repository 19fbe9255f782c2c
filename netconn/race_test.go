//go:build race

package netconn_test

// raceDetector tells that memory figures are not those of the program.
const raceDetector = true

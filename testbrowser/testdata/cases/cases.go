// Package cases is what the tests of testbrowser run in every host.
package cases

// Sign is covered by half of its statements in a test that asks for coverage.
func Sign(n int) string {
	if n < 0 {
		return "negative"
	}
	return "positive"
}

package ws_test

import "errors"

// startTestServer fails: no JavaScript host can listen as the server has to.
func startTestServer() (url string, stop func(), err error) {
	return "", nil, errors.New("the environment variable " + serverVariable + " names no test server: " +
		"these tests are run by TestBrowsers, natively: go test -run TestBrowsers")
}

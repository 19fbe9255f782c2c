// Package interop tests ws with other software: reverse and forward proxies between client and server, and other
// WebSocket implementations at both ends. It has only tests, in a module of its own, so that users of ws never download
// that software.
//
// The tests start nginx, haproxy, squid and tinyproxy, which are Debian packages of these names, with the
// configurations in testdata, on loopback addresses. A test of a program that is not installed is skipped, or fails if
// WS_REQUIRE_BROWSERS is "1" or names the program.
package interop

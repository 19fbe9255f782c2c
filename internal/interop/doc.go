// Package interop tries ws with software that others wrote: reverse and forward proxies between client and server, and
// the other WebSocket implementations at both ends. It has tests only, in a module of its own, so that users of ws
// never download the others.
//
// The tests start nginx, haproxy, squid and tinyproxy, which are Debian packages of these names, with the
// configurations in testdata, on loopback addresses. What is not installed is skipped, or fails if WS_REQUIRE_BROWSERS
// is "1" or names it.
package interop

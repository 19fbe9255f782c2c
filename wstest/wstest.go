// Package wstest helps to test programs that use package ws. [Pair] returns two connected Conns in memory, so that a
// test needs no server and no network:
//
//	func TestChat(t *testing.T) {
//		client, server, err := wstest.Pair(nil)
//		if err != nil {
//			t.Fatal(err)
//		}
//		defer client.CloseNow()
//		defer server.CloseNow()
//		go chat.Serve(server) // the code under test
//		if err := client.Send(ws.Text("hello")); err != nil {
//			t.Fatal(err)
//		}
//		...
//
// It works natively and under GOOS=js, in a browser or any other JavaScript host. Natively it also works in a bubble of
// testing/synctest, where pings and timeouts take no time:
//
//	synctest.Test(t, func(t *testing.T) {
//		client, server, err := wstest.Pair(&wstest.Options{
//			Client: &ws.Options{Native: ws.NativeOptions{PingInterval: 20 * time.Second}},
//		})
//		...
//		time.Sleep(time.Hour) // client and server exchange 180 pings and pongs
//
// For programs that dial a URL, NewServer starts a server, as net/http/httptest does. It exists natively only.
package wstest

import "github.com/seed2c7e30c3/ws"

// Options configure [Pair]. A nil *Options means the zero value. Changing the fields after Pair has been called has no
// effect.
type Options struct {
	// Client configures the end that dials, as for ws.Dial. nil means the zero value. BaseURL and, natively, HTTPClient
	// are not used.
	Client *ws.Options

	// Server configures the end that accepts: its handlers, BinaryType, MessageLimit, ReadBuffer, and in Protocols the
	// subprotocols that it speaks, best first. nil means the zero value. A limit that is 0 means a server's default,
	// 1 MiB. Of Native, PingInterval and DisableCompression are used; without PingInterval there are no pings.
	Server *ws.Options

	// Native has the settings that only the native implementation supports. Under GOOS=js it has no fields.
	Native NativeOptions
}

// pairURL is the URL of both ends. Its host name never resolves (RFC 6761, section 6.4).
const pairURL = "ws://wstest.invalid/"

// Pair returns two connected Conns, both Open. What one sends, the other receives; events, closing, limits and
// attributes are as over a network. If one end calls CloseNow, the other sees a lost connection: its close event has
// code 1006. Handlers may run before Pair has returned. End both Conns to release their resources.
//
// Natively the server's end is a connection of [ws.Accept], and the two ends are joined by a pipe like net.Pipe. The
// pipe buffers nothing: if the peer of an end has stopped reading (Options.ReadBuffer), that end keeps what it sends.
// Everything else is as over TCP, including compression. In a bubble of testing/synctest, end both Conns before the
// bubble ends.
//
// Under GOOS=js each end is the Conn that a program in a browser has, with a stand-in for the host's WebSocket object.
// It differs from two Conns on a network in these points:
//
//   - The server's end is a browser's Conn too: CloseWith takes 1000 and 3000 to 4999 only. There are no extensions.
//   - Whatever is sent is on its way at once: outside of handlers BufferedAmount is 0.
//   - An end that receives a message over its MessageLimit sends 1009, as natively. A browser's WebSocket sends no
//     code.
//   - CloseNow ends the connection, as natively. A browser's WebSocket sends a Close frame without a code; so does an
//     end here if one of its handlers is running at that time and does not return.
//
// The error for a bad option is that of ws.Dial or ws.New. If the two ends have no subprotocol in common, the error
// says so and wraps the client's *ws.CloseError. It is a "NotSupportedError" *ws.Exception in a JavaScript host that
// has no EventTarget, MessageEvent or MessageChannel, or whose global WebSocket cannot be replaced for a moment. After
// an error there is nothing to close.
//
// Pair waits until both ends are open, so it must not be called inside a js.FuncOf, where it deadlocks.
func Pair(opts *Options) (client, server *ws.Conn, err error) {
	if opts == nil {
		opts = new(Options)
	}
	return pair(copyOf(opts.Client), copyOf(opts.Server), opts.Native)
}

// copyOf returns options that may be changed. The URL of a pair is absolute.
func copyOf(opts *ws.Options) *ws.Options {
	if opts == nil {
		return new(ws.Options)
	}
	own := *opts
	own.BaseURL = ""
	return &own
}

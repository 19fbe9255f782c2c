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
//		go chat.Serve(server) // what is tested
//		if err := client.Send(ws.Text("hello")); err != nil {
//			t.Fatal(err)
//		}
//		...
//
// It works natively and under GOOS=js, in a browser or any other JavaScript host. Natively it also works inside of a
// bubble of testing/synctest, where pings and time limits take no time:
//
//	synctest.Test(t, func(t *testing.T) {
//		client, server, err := wstest.Pair(&wstest.Options{
//			Client: &ws.Options{Native: ws.NativeOptions{PingInterval: 20 * time.Second}},
//		})
//		...
//		time.Sleep(time.Hour) // client and server exchange 180 pings and pongs
//
// For programs that dial a URL [NewServer] starts a server, natively, as net/http/httptest does.
package wstest

import "github.com/seed2c7e30c3/ws"

// Options are what Pair takes. A nil *Options is the zero value. The fields may be changed after Pair has been called,
// without effect.
type Options struct {
	// Client are the options of the end that dials, as for ws.Dial. nil is the zero value. BaseURL and, natively,
	// HTTPClient are not used.
	Client *ws.Options

	// Server are the options of the end that accepts: its handlers, BinaryType, MessageLimit, ReadBuffer, and as
	// Protocols the subprotocols that it speaks, best first. nil is the zero value. A limit that is 0 is a server's
	// default, 1 MiB. Of Native it uses PingInterval, without which there are no pings, and DisableCompression.
	Server *ws.Options

	// Native is what only the native implementation can do. Under GOOS=js it has no fields.
	Native NativeOptions
}

// pairURL is what both ends have as their URL. Its name leads nowhere (RFC 6761, section 6.4).
const pairURL = "ws://wstest.invalid/"

// Pair returns two connected Conns, both Open. What one sends the other receives, and events, closing, limits and
// attributes are as over a network. CloseNow of one end is a lost connection for the other: its close event has code
// 1006. Handlers may run before Pair has returned. End both Conns to give back what they hold.
//
// Natively the server's end is one of [ws.Accept], and between the two there is a pipe like net.Pipe. It buffers nothing: an end
// whose peer has stopped reading (Options.ReadBuffer) keeps what it sends. Everything else is as over TCP, compression
// included. In a bubble of testing/synctest end both Conns before the bubble ends.
//
// Under GOOS=js each end is the Conn that a program in a browser has, on an object in the place of the host's WebSocket.
// That differs from two Conns on a network in this:
//
//   - The server's end is what a browser has too: CloseWith takes 1000 and 3000 to 4999 only. There are no extensions.
//   - What is sent is on its way at once: outside of handlers BufferedAmount is 0.
//   - A message over its MessageLimit makes an end send 1009, as natively. A browser's WebSocket sends no code.
//   - CloseNow ends the connection, as natively. A browser's WebSocket sends a Close frame without a code; so does an end
//     here whose CloseNow is called in a handler that does not return.
//
// The error is that of ws.Dial or ws.New for an option, or, if the two have no subprotocol in common, one that says so and
// wraps the client's *ws.CloseError. A JavaScript host without EventTarget, MessageEvent or MessageChannel, or whose
// global WebSocket cannot be replaced for a moment, is a "NotSupportedError" *ws.Exception. After an error there is
// nothing to close.
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

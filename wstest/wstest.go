// Package wstest gives tests of programs that use WebSockets two connected [ws.Conn], without a server and without the
// network:
//
//	client, server, err := wstest.Pair(nil)
//	if err != nil {
//		t.Fatal(err)
//	}
//	defer client.CloseNow()
//	defer server.CloseNow()
//	go chat.Serve(server) // what is tested
//	if err := client.Send(ws.Text("hello")); err != nil {
//		t.Fatal(err)
//	}
//
// It works natively, inside of testing/synctest bubbles too, and under GOOS=js, in a browser or any other JavaScript
// host. Natively [NewServer] starts a server that a URL leads to, as net/http/httptest does.
package wstest

import "github.com/seed2c7e30c3/ws"

// Options are what Pair takes. A nil *Options is the zero value. The fields may be changed after Pair has been called,
// without effect.
type Options struct {
	// Client are the options of the end that has dialled, as for ws.Dial; nil is the zero value. BaseURL means nothing
	// here, and natively HTTPClient is not used.
	Client *ws.Options

	// Server are the options of the end that has accepted: handlers, BinaryType, MessageLimit, ReadBuffer, and the
	// subprotocols that it speaks, best first; nil is the zero value. A limit that is 0 is a server's default, 1 MiB. Of
	// Native, PingInterval and DisableCompression count; without PingInterval there are no pings.
	Server *ws.Options

	// Native is what only the native implementation can do. Under GOOS=js it has no fields.
	Native NativeOptions
}

// pairURL is what both ends have as their URL. The name is one that never leads anywhere (RFC 6761, section 6.4).
const pairURL = "ws://wstest.invalid/"

// Pair returns two connected Conns, both Open. What one end sends the other receives, and everything else is as over
// the network: events and their order, closing in either direction, BufferedAmount, BinaryType, limits. CloseNow of one
// end is a lost connection for the other: its close event has code 1006. Handlers may run before Pair has returned.
//
// Natively the two have made an opening handshake and talk over a pipe in memory, like net.Pipe: nothing is between
// them that would buffer. Compression is used as always. The server's end comes from ws.Accept. In a testing/synctest
// bubble time limits, pings among them, take no time; end both ends before the bubble ends.
//
// Under GOOS=js both ends are the half of package ws that browsers get, on objects that stand in for the host's
// WebSocket. What the host itself would do is done as in a browser, with these exceptions. The server's end is what a
// browser has too, so CloseWith takes 1000 and 3000 to 4999 only, and there is no ping, no time limit and no extension.
// A message over the MessageLimit closes the other end with 1009, as it is natively; the WebSocket of a real browser
// gives no code. After CloseNow of an end the other one has lost the connection; a real browser would send a Close frame
// without a code.
//
// The error is that of ws.Dial, of ws.New for the options of either end, or of ws.Accept; an *ws.Exception is
// "NotSupportedError" in a JavaScript host without EventTarget, MessageEvent or a global object that can be changed for
// a moment. After an error there is nothing to close.
//
// Pair waits for both ends to be Open, so it must not be called inside a js.FuncOf, where it deadlocks. A Pair holds
// resources until both ends are closed.
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

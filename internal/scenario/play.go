//go:build !js

package scenario

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// Play plays the server's program of a scenario on the connection of a request, which an http.Server has got, and
// returns what it saw when the program or ctx has ended. So a server can play scenarios beside other handlers, on one
// port; [Server] gives each run its own ports.
//
// The request must be HTTP/1.1 on TCP. After an error nothing has been played: the connection could not be taken.
func Play(ctx context.Context, sc *Scenario, w http.ResponseWriter, r *http.Request) (*Connection, error) {
	hijacked, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("scenario %s: %w", sc.Name, err)
	}
	defer hijacked.Close()
	tcp, ok := hijacked.(*net.TCPConn)
	if !ok {
		return nil, fmt.Errorf("scenario %s: a %T is no TCP connection", sc.Name, hijacked)
	}
	if err := tcp.SetReadBuffer(receiveBuffer); err != nil {
		return nil, fmt.Errorf("scenario %s: %w", sc.Name, err)
	}
	s := newSession(ctx, nil, tcp, "P")
	read, _ := buffered.Reader.Peek(buffered.Reader.Buffered()) // no error: the bytes are there
	s.reader = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(read), tcp), 64<<10)
	s.record = requestRecord(r)
	s.key = r.Header.Get("Sec-WebSocket-Key")
	stop := context.AfterFunc(ctx, func() { tcp.Close() })
	defer stop()
	s.serve(sc.Server)
	return s.record, nil
}

// requestRecord returns the record of a connection whose request has been read.
func requestRecord(r *http.Request) *Connection {
	c := &Connection{Port: "P", Request: strings.Join([]string{r.Method, r.RequestURI, r.Proto}, " "), Wire: []string{}}
	for name, values := range r.Header {
		for _, value := range values {
			c.Header = append(c.Header, [2]string{name, value})
		}
	}
	return c
}

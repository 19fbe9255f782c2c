// Server is the server of the tests of -with and -proxy: the first argument says how it behaves.
package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	mode := ""
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	switch mode {
	case "exits":
		fmt.Print("cannot start") // nor end its line
		os.Exit(7)
	case "silent":
		fmt.Println("no address here")
		select {}
	case "deaf":
		fmt.Println("http://127.0.0.1:1/")
		select {}
	case "stubborn":
		signal.Ignore(syscall.SIGTERM, os.Interrupt)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	http.HandleFunc("/hello", hello)
	http.HandleFunc("/api/hello", hello)
	http.HandleFunc("/ws", accept)
	http.HandleFunc("/die", func(http.ResponseWriter, *http.Request) { os.Exit(4) })
	fmt.Printf("listening on http://%s/, GOOS=%q\n", listener.Addr(), os.Getenv("GOOS"))
	fmt.Fprintln(os.Stderr, http.Serve(listener, nil))
}

func hello(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	fmt.Fprintf(w, "hello from %s?%s, referer %q", r.URL.Path, r.URL.RawQuery, secretless(r.Referer()))
}

// secretless shows whether a URL has a path.
func secretless(referer string) string {
	u, err := url.Parse(referer)
	if err != nil || referer == "" {
		return referer
	}
	return u.Path
}

// accept opens a WebSocket if the origin is the server's own host, as github.com/coder/websocket and
// github.com/gorilla/websocket do.
func accept(w http.ResponseWriter, r *http.Request) {
	origin, err := url.Parse(r.Header.Get("Origin"))
	if err != nil || !strings.EqualFold(origin.Host, r.Host) {
		http.Error(w, "the origin is another", http.StatusForbidden)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	hash := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	fmt.Fprintf(buffered, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(hash[:]))
	buffered.Write([]byte("\x81\x05hello"))
	buffered.Flush()
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	bufio.NewReader(conn).ReadByte() // until the client has seen it
}

//go:build !js

package main

import (
	"log"
	"net/http"

	"github.com/seed2c7e30c3/ws"
)

func main() {
	http.HandleFunc("/echo", echo)
	http.Handle("/", http.FileServer(http.Dir("page")))
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", nil))
}

func echo(w http.ResponseWriter, r *http.Request) {
	err := ws.Serve(w, r, &ws.AcceptOptions{
		OnMessage: func(c *ws.Conn, m ws.Message) { c.Send(m) },
	})
	if err != nil {
		log.Print(err) // the client has already been answered
	}
}

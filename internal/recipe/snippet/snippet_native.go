//go:build !js

package snippet

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// serve runs a server until the process is interrupted. Clients then get code 1001.
func serve(listener net.Listener, group *ws.Group) error {
	mux := http.NewServeMux()
	mux.HandleFunc("/chat", func(w http.ResponseWriter, r *http.Request) {
		_ = ws.Serve(w, r, &ws.AcceptOptions{ // the client has been told what is wrong
			Group:     group,
			OnMessage: func(c *ws.Conn, m ws.Message) { group.Send(m) },
		})
	})
	server := &http.Server{Handler: mux}
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-interrupted.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	server.RegisterOnShutdown(func() { go group.Shutdown(ctx, 0, "") }) // while the server waits for other requests
	return errors.Join(server.Shutdown(ctx), group.Shutdown(ctx, 0, ""))
}

// dialThrough connects through a proxy, with a certificate authority of the program's own.
func dialThrough(ctx context.Context, address string, proxy *url.URL, config *tls.Config) (*ws.Conn, error) {
	return ws.Dial(ctx, address, &ws.Options{Native: ws.NativeOptions{
		HTTPClient: &http.Client{Transport: &http.Transport{
			Proxy:           http.ProxyURL(proxy), // or http.ProxyFromEnvironment
			TLSClientConfig: config,
		}},
		PingInterval: 30 * time.Second,
	}})
}

//go:build !js

package token

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/seed2c7e30c3/ws"
)

// Handler greets users whose token is known. Pages of other origins than its own are refused, unless they are in
// origins.
func Handler(user func(token string) (name string, ok bool), origins ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, ok := user(tokenOf(r))
		if !ok {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "no valid token", http.StatusUnauthorized)
			return
		}
		// The error is for a log: the client has been told.
		_ = ws.Serve(w, r, &ws.AcceptOptions{
			Protocols: []string{protocol}, // never the token: the response would contain it
			Origins:   origins,
			OnOpen:    func(c *ws.Conn) { _ = c.Send(ws.Text("hello, " + name)) }, // fails if the client has gone
		})
	})
}

// tokenOf returns the token of a request from a native client or a page, or "" if it has none.
func tokenOf(r *http.Request) string {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return token
	}
	for _, list := range r.Header.Values("Sec-WebSocket-Protocol") {
		for name := range strings.SplitSeq(list, ",") {
			if encoded, ok := strings.CutPrefix(strings.TrimSpace(name), "bearer."); ok {
				token, err := base64.RawURLEncoding.DecodeString(encoded)
				if err != nil {
					return ""
				}
				return string(token)
			}
		}
	}
	return ""
}

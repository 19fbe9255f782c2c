//go:build !js

package handshake

import "net/http"

func statusText(code int) string { return http.StatusText(code) }

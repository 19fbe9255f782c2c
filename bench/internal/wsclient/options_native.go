//go:build !js

package wsclient

import "github.com/seed2c7e30c3/ws"

func native(deflate bool) ws.NativeOptions { return ws.NativeOptions{DisableCompression: !deflate} }

package wsclient

import "github.com/seed2c7e30c3/ws"

func native(bool) ws.NativeOptions { return ws.NativeOptions{} }

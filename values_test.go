package ws_test

import (
	"errors"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

// TestZeroBlob: a Blob that NewBlob did not make is empty on every platform; nothing panics.
func TestZeroBlob(t *testing.T) {
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("panic: %v", r)
		}
	}()
	c := dial(t, "/echo", nil)
	if b := new(ws.Blob); b.Size() != 0 || b.Type() != "" {
		t.Error("not empty")
	}
	if err := c.Send(new(ws.Blob)); err != nil {
		t.Errorf("Send: %v", err)
	}
}

// TestZeroBuffer: the same for ArrayBuffer.
func TestZeroBuffer(t *testing.T) {
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("panic: %v", r)
		}
	}()
	c := dial(t, "/echo", nil)
	send(t, c, new(ws.ArrayBuffer), new(ws.ArrayBuffer).Slice(0, 1), ws.Bytes(nil))
	for range 3 {
		wantBuffer(t, read(t, c), nil)
	}
}

// TestURLWithBOM: a byte order mark in front of the URL is part of it on every platform.
func TestURLWithBOM(t *testing.T) {
	const bom = "\uFEFF"
	base := "http://h.example/dir/"
	c, err := ws.New(bom+serverURL+"/echo", nil)
	if err == nil {
		t.Logf("URL %q", c.URL())
		c.Close()
	}
	if !errors.Is(err, ws.ErrSyntax) && err != nil || err == nil && c.URL() == serverURL+"/echo" {
		t.Errorf("New: %v, want ErrSyntax or a relative URL", err)
	}
	_ = base
	if _, err := ws.New("ws://127.0.0.1:1/", &ws.Options{BaseURL: bom + "ws://h/"}); !errors.Is(err, ws.ErrSyntax) {
		t.Logf("BaseURL with BOM and absolute URL: %v", err)
	}
}

package snippet

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/wstest"
)

// TestUpload: the server gets all bytes in order.
func TestUpload(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	client, server, err := wstest.Pair(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseNow()
	defer server.CloseNow()
	want := bytes.Repeat([]byte("0123456789"), 30000)
	sent := make(chan error, 1)
	go func() { sent <- upload(ctx, client, bytes.NewReader(want)) }()
	var got []byte
	for len(got) < len(want) {
		if got, err = server.ReadAppend(ctx, got); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-sent; err != nil || !bytes.Equal(got, want) {
		t.Errorf("upload: %v, and %d bytes, equal: %v", err, len(got), bytes.Equal(got, want))
	}
}

// TestWhy: the errors that both platforms have.
func TestWhy(t *testing.T) {
	closed := func(code ws.StatusCode) error { return &ws.CloseError{CloseEvent: ws.CloseEvent{Code: code}} }
	for _, test := range []struct {
		err  error
		want string
	}{
		{context.DeadlineExceeded, "the server does not answer"},
		{&ws.CloseError{CloseEvent: ws.CloseEvent{Code: 1006}, Err: ws.ErrMessageTooBig}, "the server sent too much"},
		{fmt.Errorf("sending: %w", ws.ErrInvalidState), "the connection is not open any more"},
		{&ws.CloseError{Err: &ws.HandshakeError{StatusCode: 403, Body: []byte("no")}}, "the server refused: 403 no"},
		{closed(ws.StatusGoingAway), "the server has ended the connection"},
		{closed(ws.StatusAbnormalClosure), "the connection is lost"},
		{closed(ws.StatusInternalError), "the server has closed the connection with StatusInternalError"},
	} {
		if got := why(test.err); got != test.want {
			t.Errorf("%v: %q, want %q", test.err, got, test.want)
		}
	}
}

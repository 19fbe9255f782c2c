//go:build !js

package ws

import (
	"bytes"
	"context"
)

type blob struct {
	data []byte
	typ  string
}

func newBlob(typ string, parts []Message) (*Blob, error) {
	contents := make([][]byte, len(parts))
	for i, part := range parts {
		contents[i], _ = content(part)
	}
	data := bytes.Join(contents, nil)
	return &Blob{blob{data, typ}}, nil
}

func (b *blob) size() int64       { return int64(len(b.data)) }
func (b *blob) mediaType() string { return b.typ }

func (b *blob) slice(from, to int64, typ string) *Blob { return &Blob{blob{b.data[from:to], typ}} }

func (b *blob) read(_ context.Context, from, to int64) ([]byte, error) {
	return b.data[from:to:to], nil
}

//go:build !js

package ws

import "unsafe"

// content returns the bytes of m, which belong to m, and whether they are text.
func content(m Message) (data []byte, text bool) {
	switch m := m.(type) {
	case Text:
		return unsafe.Slice(unsafe.StringData(string(m)), len(m)), true
	case Bytes:
		return m, false
	case *ArrayBuffer:
		return m.data, false
	case *Blob:
		return m.data, false
	}
	return nil, false
}

// textOf makes a Text of data, to which nothing else may refer.
func textOf(data []byte) Text {
	return Text(unsafe.String(unsafe.SliceData(data), len(data)))
}

// message returns what is delivered for p.
func (p payload) message(t BinaryType) Message {
	if p.lent != nil {
		p = p.own()
	}
	switch {
	case p.array == nil:
		return p.text
	case t == BinaryBlob:
		return &Blob{blob{data: p.array.data}}
	}
	return p.array
}

package migrate

import (
	"syscall/js"

	"github.com/seed2c7e30c3/ws"
)

// Values has the rows about JavaScript's values.
func Values(c *ws.Conn, file js.Value, data *ws.ArrayBuffer) (js.Value, error) {
	blob, err := ws.BlobOf(file)
	if err != nil {
		return js.Undefined(), err
	}
	if err := c.Send(blob); err != nil {
		return js.Undefined(), err
	}
	return data.JSValue(), nil
}

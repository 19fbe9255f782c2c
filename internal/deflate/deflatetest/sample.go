package deflatetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Sample makes data of several kinds.
func Sample(rng *rand.Rand, kind, size int) []byte {
	var b []byte
	words := strings.Fields(
		`{"id": "name": "value": true, false, null, "lorem ipsum dolor sit amet", 17, 3.1415, [1,2,3], }`)
	for len(b) < size {
		switch kind % 4 {
		case 0:
			b = append(b, words[rng.IntN(len(words))]...)
		case 1:
			b = append(b, byte(rng.Uint32()))
		case 2:
			b = append(b, bytes.Repeat([]byte{byte(rng.IntN(4))}, 1+rng.IntN(300))...)
		case 3:
			if len(b) > 0 && rng.IntN(4) > 0 {
				from := rng.IntN(len(b))
				b = append(b, b[from:min(len(b), from+rng.IntN(400))]...)
			}
			b = append(b, byte(rng.NormFloat64()*20))
		}
	}
	return b[:size]
}

// JSON makes messages of JSON text of a given size.
func JSON(count, size int) (messages [][]byte) {
	rng := rand.New(rand.NewPCG(1, 9))
	for range count {
		msg := []byte{'['}
		for len(msg) < size {
			msg = append(msg, jsonRecord(rng)...)
		}
		messages = append(messages, msg[:size])
	}
	return messages
}

// jsonRecord makes a line of JSON as an application might send it.
func jsonRecord(rng *rand.Rand) string {
	names := []string{"alice", "bob", "carol", "dave", "eve", "mallory", "trent", "peggy"}
	return fmt.Sprintf(`{"id":%d,"user":"%s","time":"2025-%02d-%02dT%02d:%02d:%02dZ",`+
		`"price":%.2f,"tags":["%s","%s"],"active":%v},`,
		rng.IntN(1e6), names[rng.IntN(8)], 1+rng.IntN(12), 1+rng.IntN(28), rng.IntN(24), rng.IntN(60), rng.IntN(60),
		rng.Float64()*1000, names[rng.IntN(8)], names[rng.IntN(8)], rng.IntN(2) == 0)
}

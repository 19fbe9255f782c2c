package load

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"time"
)

// BinaryPayload returns size bytes that do not compress, the same for each size in every process.
func BinaryPayload(size int) []byte {
	rng := rand.NewChaCha8([32]byte{byte(size), byte(size >> 8), byte(size >> 16)})
	data := make([]byte, size)
	rng.Read(data) // documented to always succeed
	return data
}

// jsonCorpus is the number of bytes of different texts that a compressed workload cycles through: far more than the
// 32 KiB window, so that no contestant profits from having seen a text before.
const jsonCorpus = 1 << 20

// JSONTexts returns different JSON documents of exactly size bytes: records as an API returns them.
func JSONTexts(size int) []string {
	rng := rand.New(rand.NewPCG(uint64(size), 1))
	texts := make([]string, max(16, jsonCorpus/size))
	for i := range texts {
		texts[i] = jsonText(rng, size)
	}
	return texts
}

var (
	jsonNames  = []string{"Ada", "Grace", "Edsger", "Barbara", "Donald", "Radia", "Leslie", "Frances", "Alan", "Margaret"}
	jsonCities = []string{"Lagos", "Oslo", "Lima", "Kyoto", "Quito", "Graz", "Perth", "Accra", "Turin", "Leeds", "Zürich"}
	jsonStates = []string{"pending", "active", "suspended", "closed"}
)

func jsonText(rng *rand.Rand, size int) string {
	const (
		head = `{"items":[`
		tail = `],"pad":"`
		end  = `"}`
	)
	var b bytes.Buffer
	b.WriteString(head)
	for n := 0; ; n++ {
		start := b.Len()
		if n > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"name":"%s","city":"%s","state":"%s","balance":%d.%02d,"updated":"%s"}`,
			rng.IntN(1e9), jsonNames[rng.IntN(len(jsonNames))], jsonCities[rng.IntN(len(jsonCities))],
			jsonStates[rng.IntN(len(jsonStates))], rng.IntN(1e5), rng.IntN(100),
			time.Unix(1.7e9+rng.Int64N(1e8), 0).UTC().Format(time.RFC3339))
		if b.Len()+len(tail)+len(end) > size {
			b.Truncate(start)
			break
		}
	}
	b.WriteString(tail)
	for b.Len()+len(end) < size {
		b.WriteByte('x')
	}
	b.WriteString(end)
	return b.String()
}

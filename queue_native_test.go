//go:build !js

package ws

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// TestQueue compares a queue with a slice, in random operations. It looks inside, where a message is its text natively.
func TestQueue(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 0))
		var q queue
		var want []string
		var batch []payload
		next := 0
		message := func() payload {
			text := strconv.Itoa(next)
			next++
			want = append(want, text)
			return payload{text: Text(text)}
		}
		for range 3000 {
			switch r.IntN(6) {
			case 0:
				q.push(message())
			case 1, 2:
				for range r.IntN([...]int{3, 2 * queueKeepIdle, 2 * queueBatch}[r.IntN(3)]) {
					batch = append(batch, message())
				}
				q.take(&batch)
				if len(batch) > 0 {
					t.Fatalf("take leaves %d messages", len(batch))
				}
				for _, p := range batch[:cap(batch)] {
					if p != (payload{}) {
						t.Fatal("take leaves a message in the memory of the batch")
					}
				}
			case 3, 4:
				for range min(len(want), r.IntN(2*queueBatch)) {
					first := *q.first()
					if got := q.pop(); first != got || got.text != Text(want[0]) {
						t.Fatalf("seed %d: first and pop return %v and %v, want %s", seed, first.text, got.text, want[0])
					}
					want = want[1:]
				}
			case 5:
				q.trim()
				if r.IntN(20) == 0 {
					q.reset()
					want = nil
				}
			}
			if q.empty() != (len(want) == 0) {
				t.Fatalf("seed %d: empty returns %v with %d messages", seed, q.empty(), len(want))
			}
		}
		q.reset()
		q.trim()
		if cap(q.items) > queueKeepIdle || q.behind != nil {
			t.Errorf("an empty queue keeps room for %d messages after trim", cap(q.items))
		}
	}
}

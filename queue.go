package ws

// queue is a first-in, first-out queue that keeps its memory while it is in use and gives it back when a burst is over.
type queue[T any] struct {
	items []T
	head  int
}

// queueKeep is how many items an empty queue may keep room for.
const queueKeep = 16

func (q *queue[T]) len() int { return len(q.items) - q.head }

func (q *queue[T]) push(v ...T) {
	if q.head > 0 && len(q.items)+len(v) > cap(q.items) && q.head >= len(q.items)/2 {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, v...)
}

func (q *queue[T]) pop() T {
	var zero T
	v := q.items[q.head]
	q.items[q.head] = zero
	q.head++
	if q.head == len(q.items) {
		q.reset()
	}
	return v
}

// reset empties the queue.
func (q *queue[T]) reset() {
	if cap(q.items) > queueKeep {
		q.items = nil
	} else {
		clear(q.items[q.head:])
		q.items = q.items[:0]
	}
	q.head = 0
}

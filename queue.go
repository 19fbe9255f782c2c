package ws

// queue is a first-in, first-out queue. It keeps its memory until trim says that it is not needed for the moment.
type queue[T any] struct {
	items []T
	head  int
	brief bool // give memory back when the queue is empty
}

// queueKeepIdle is the number of items for which an empty queue keeps room after trim.
const queueKeepIdle = 16

func (q *queue[T]) len() int { return len(q.items) - q.head }

func (q *queue[T]) push(v ...T) {
	if q.head > 0 && len(q.items)+len(v) > cap(q.items) && q.head >= len(q.items)/2 {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, v...)
}

// first returns the item that pop returns next. The queue must not be empty.
func (q *queue[T]) first() *T { return &q.items[q.head] }

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
	clear(q.items[q.head:])
	q.items, q.head = q.items[:0], 0
	if q.brief && cap(q.items) > queueKeepIdle {
		q.items = nil
	}
	q.brief = false
}

// trim gives back memory that is not needed, now or as soon as the queue is empty.
func (q *queue[T]) trim() {
	q.brief = true
	if q.len() == 0 {
		q.reset()
	}
}

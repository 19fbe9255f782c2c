package ws

// queue has received messages, first in, first out. A flood moves its batches into it as they are: copying them took a
// tenth of the time of a message of 16 B, and making one slice of a backlog of many batches a third.
type queue struct {
	items  []payload // the first ones are those from head on
	head   uint32
	brief  bool     // give memory back when the queue is empty
	behind *backlog // what comes after items; nil if there has been nothing
}

// backlog has the batches behind the items of a queue.
type backlog struct {
	batches [][]payload
	spare   []payload // memory of a batch that has been taken out
}

const (
	// queueKeepIdle is the number of messages for which an empty queue keeps room after trim. A batch of more is a flood,
	// after which trim is called: see keptIdle of the engine, and idle.
	queueKeepIdle = 16

	// queueBatch is the number of messages from which on a slice does not grow any more.
	queueBatch = 256
)

func (q *queue) empty() bool { return int(q.head) == len(q.items) }

// first returns the message that pop returns next. The queue must not be empty.
func (q *queue) first() *payload { return &q.items[q.head] }

// take moves the messages of a batch into the queue. The batch is empty afterwards, and keeps memory or gets other.
func (q *queue) take(batch *[]payload) {
	switch n := len(*batch); {
	case n > queueKeepIdle && q.empty():
		q.items, *batch = *batch, q.items
	case n > queueKeepIdle && n >= cap(*batch)/2: // with more room it would take more than Options.ReadBuffer counts
		q.append(*batch)
		*batch, q.behind.spare = q.behind.spare, nil
	default:
		for _, p := range *batch {
			q.push(p)
		}
		clear(*batch)
	}
	*batch = (*batch)[:0]
}

// append puts a batch behind everything else.
func (q *queue) append(batch []payload) {
	if q.behind == nil {
		q.behind = new(backlog)
	}
	q.behind.batches = append(q.behind.batches, batch)
}

func (q *queue) push(p payload) {
	last := q.last()
	if len(*last) == cap(*last) && len(*last) >= queueBatch {
		q.append(make([]payload, 0, queueBatch))
		last = q.last()
	}
	*last = append(*last, p)
}

// last returns the slice with the last messages.
func (q *queue) last() *[]payload {
	if b := q.behind; b != nil && len(b.batches) > 0 {
		return &b.batches[len(b.batches)-1]
	}
	return &q.items
}

func (q *queue) pop() payload {
	p := q.items[q.head]
	q.items[q.head] = payload{}
	q.head++
	if q.empty() {
		q.next()
	}
	return p
}

// next goes on with the messages behind the items, which have all been taken out.
func (q *queue) next() {
	b := q.behind
	if b == nil || len(b.batches) == 0 {
		q.reset()
		return
	}
	b.spare = q.items[:0]
	q.items, q.head = b.batches[0], 0
	b.batches[0] = nil
	b.batches = b.batches[1:]
}

// reset empties the queue.
func (q *queue) reset() {
	clear(q.items[q.head:])
	q.items, q.head = q.items[:0], 0
	if q.behind != nil {
		q.behind.batches = nil
	}
	if q.brief {
		if cap(q.items) > queueKeepIdle {
			q.items = nil
		}
		q.behind = nil
	}
	q.brief = false
}

// trim gives back memory that is not needed, now or as soon as the queue is empty.
func (q *queue) trim() {
	q.brief = true
	if q.empty() {
		q.reset()
	}
}

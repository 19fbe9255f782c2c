//go:build js && wasm

package ws

import (
	"strings"
	"syscall/js"
	"unsafe"
)

// To take one message costs about four calls into the host. The functions here take up to 256 messages in a dozen
// calls. They use only builtins: no eval, and nothing that a Content-Security-Policy would see. If anything goes wrong,
// above all if the messages are not all of one kind, that is noticed before anything has been posted, and the messages
// are taken one by one.

const (
	// leastBatch is the number of messages from which a batch is worth it.
	leastBatch = 13

	// mostBatch limits what is done at once: the queue may hold thousands of messages.
	mostBatch = 256

	// batchBytes is the number of bytes for which there is room.
	batchBytes = 512 << 10
)

// batchSize returns how many of n messages to take next.
func (in *inbox) batchSize(n int) int {
	n = min(n, mostBatch)
	if room := batchBytes * 3 / 4 / (in.mean + 1); room < n && room >= leastBatch {
		return room
	} else if room < leastBatch {
		return min(n, leastBatch-1)
	}
	return n
}

// workspace has the memory in which a batch is put together. While one is in use, another goroutine, or a call from
// inside the host, makes its own.
type workspace struct {
	memory js.Value // Uint8Array of batchBytes
	bytes  []byte   // the same in Go

	// For binary messages.
	setLengths  js.Value // (list) => copies it into a Uint32Array
	lengthBytes js.Value // the Uint8Array of the same memory
	numbers     [mostBatch]uint32
	places      js.Value // Uint32Array
	placeBytes  js.Value // the Uint8Array of the same memory
	dirty       bool     // something may be left in the queues
	pushPlaces  js.Value // (list) => placeQueue.push(...list)
	clearPlaces js.Value
	pushBuffers js.Value // (list) => bufferQueue.push(...list)
	copyNext    js.Value // memory.set(new Uint8Array(bufferQueue.shift()), placeQueue.shift())
	forEach     js.Value // (list, f) => list.forEach(f)

	// For texts.
	valueOf   js.Value // (string) => string, throws if it is none
	join      js.Value // (list, separator) => list.join(separator)
	separator js.Value
}

func (h *host) takeWorkspace() *workspace {
	if h.noBatches {
		return nil
	}
	if w, _ := h.batches.Get().(*workspace); w != nil {
		return w
	}
	w := h.newWorkspace()
	h.noBatches = w == nil
	return w
}

// newWorkspace returns nil if the host lacks something that it needs.
func (h *host) newWorkspace() *workspace {
	w := &workspace{bytes: make([]byte, batchBytes), separator: js.ValueOf(separator)}
	undefined := js.Undefined()
	push, shift, apply := h.builtins[arrayPush], h.builtins[arrayShift], h.builtins[reflectApply]
	places, _ := h.construct(h.builtins[classArray])
	buffers, _ := h.construct(h.builtins[classArray])
	var numbers js.Value
	numbers, w.lengthBytes = h.uint32Array(mostBatch)
	w.setLengths = h.bindMethod(numbers, "set")
	w.places, w.placeBytes = h.uint32Array(mostBatch)
	w.memory, _ = h.construct(h.builtins[classUint8Array], batchBytes)
	w.pushPlaces = h.bind(apply, undefined, push, places)
	w.clearPlaces = h.bindMethod(places, "splice", js.ValueOf(0))
	w.pushBuffers = h.bind(apply, undefined, push, buffers)
	buffer := h.argumentList(h.bind(shift, buffers))
	view := h.bind(h.builtins[reflectConstruct], undefined, h.builtins[classUint8Array], buffer)
	w.copyNext = h.bind(apply, undefined, h.get(w.memory, "set"), w.memory, h.argumentList(view, h.bind(shift, places)))
	w.forEach = h.ofReceiver(h.builtins[arrayForEach])
	w.valueOf = h.ofReceiver(h.builtins[stringValueOf])
	w.join = h.ofReceiver(h.builtins[arrayJoin])
	for _, v := range []js.Value{
		w.setLengths, w.placeBytes, w.memory, w.clearPlaces, w.copyNext, w.forEach, w.valueOf, w.join,
	} {
		if v.IsUndefined() {
			return nil
		}
	}
	return w
}

// uint32Array returns a Uint32Array and the Uint8Array of the same memory.
func (h *host) uint32Array(n int) (numbers, bytes js.Value) {
	numbers, _ = h.construct(h.at("Uint32Array"), n)
	bytes, _ = h.construct(h.builtins[classUint8Array], h.get(numbers, "buffer"))
	return numbers, bytes
}

// receiveBatch takes n messages out of the queue and puts them into in.batch, which is empty. If it returns false
// they are still queued.
func (c *Conn) receiveBatch(n int) bool {
	h, in := theHost(), &c.in
	w := h.takeWorkspace()
	if w == nil {
		return false
	}
	events, thrown := h.call(in.splice, n)
	if thrown != nil {
		return false
	}
	list := h.eventData(in, events, n)
	taken := false
	switch list.Index(0).Type() {
	case js.TypeString:
		taken = c.takeTexts(w, list, n)
	case js.TypeObject:
		taken = !c.hasBlobs && c.takeBuffers(w, list, n)
	}
	if !w.dirty {
		h.batches.Put(w)
	}
	for i := 0; i < n && !taken && in.end != over; i++ {
		c.receiveData(list.Index(i))
	}
	return true
}

// eventData returns the array of the data of n message events. Each event is read with the getter of its own class,
// because there may be several classes: the host's, a mock's, another realm's. If the getter throws, or there is none,
// the property is read instead.
func (h *host) eventData(in *inbox, events js.Value, n int) js.Value {
	if class, _ := h.call(h.builtins[reflectPrototype], events.Index(0)); !class.Equal(in.class) {
		in.class, in.data = class, h.accessor(events.Index(0), "data")
	}
	if in.data.Type() == js.TypeFunction {
		if list, thrown := h.call(h.mapped, events, in.data); thrown == nil {
			return list
		}
	}
	list, _ := h.construct(h.builtins[classArray])
	for i := range n {
		list.SetIndex(i, h.get(events.Index(i), "data"))
	}
	return list
}

// separator is put between texts that are joined. It is below U+0100, because a wider one would make the host widen
// every text. It occurs in no JSON text, but other texts may contain it.
const separator = "\x1f"

// takeTexts takes messages that are all strings. They are joined, encoded into memory that both sides keep, copied, and
// cut apart:
//
//   - valueOf throws if a message is not a string; join would convert it silently.
//   - encodeInto stops when there is no room for the next character, of at most 4 bytes: if 4 are left, everything is
//     there.
//   - There are as many separators as were put between n texts only if no text holds one.
func (c *Conn) takeTexts(w *workspace, list js.Value, n int) bool {
	h := theHost()
	texts, thrown := h.call(h.mapped, list, w.valueOf)
	if thrown != nil {
		return false
	}
	joined, thrown := h.call(w.join, texts, w.separator)
	if thrown != nil {
		return false
	}
	result, thrown := h.call(h.encodeInto, joined, w.memory)
	if thrown != nil {
		return false
	}
	size := int(h.getNumber(result, "written"))
	if size > batchBytes-4 {
		c.in.mean = batchBytes // one by one, until they are shorter
		return false
	}
	h.copyToGo(w.bytes[:size], w.memory)
	// A string that refers to memory which is written again only after this has been cut apart.
	cut := unsafe.String(unsafe.SliceData(w.bytes), size)
	if strings.Count(cut, separator) != n-1 {
		return false
	}
	c.in.mean = size / n
	for more := true; more; {
		var one string
		one, cut, more = strings.Cut(cut, separator)
		if !c.receiveBytes(true, unsafe.Slice(unsafe.StringData(one), len(one))) {
			break
		}
	}
	return true
}

// takeBuffers takes messages that are all ArrayBuffers. One copy brings their lengths to Go; another takes the
// positions for their bytes to the host. Then copyNext, called n times by forEach, copies one buffer after another into
// memory that both sides keep, and one copy brings all of it to Go.
//
// copyNext is Reflect.apply(memory.set, memory, list), whose arguments list is read at each call: the first one is a
// getter that constructs a Uint8Array from what shift takes out of the queue of buffers, the second one is what shift
// takes out of the queue of positions. The arguments that forEach passes come after these and are ignored. byteLength
// throws if a message is not an ArrayBuffer, and set throws if one has grown since.
func (c *Conn) takeBuffers(w *workspace, list js.Value, n int) bool {
	h := theHost()
	lengths, thrown := h.call(h.mapped, list, h.byteLength)
	if thrown != nil {
		return false
	}
	if _, thrown = h.call(w.setLengths, lengths); thrown != nil {
		return false
	}
	h.copyToGo(w.numberBytes(), w.lengthBytes)
	// Replace each length by the position at which the message begins.
	size := 0
	for i := range n {
		length := w.numbers[i]
		w.numbers[i] = uint32(size)
		if size += int(length); size > batchBytes {
			c.in.mean = batchBytes // one by one, until they are shorter
			return false
		}
	}
	h.copyToJS(w.placeBytes, w.numberBytes())
	w.dirty = true
	_, thrown = h.call(w.pushPlaces, w.places)
	if thrown == nil {
		_, thrown = h.call(w.pushBuffers, list)
	}
	if thrown == nil {
		_, thrown = h.call(w.forEach, list, w.copyNext)
	}
	if _, failed := h.call(w.clearPlaces); thrown != nil || failed != nil {
		return false
	}
	w.dirty = false
	data := w.bytes[:size]
	h.copyToGo(data, w.memory)
	c.in.mean = size / n
	for i := range n {
		end := size
		if i+1 < n {
			end = int(w.numbers[i+1])
		}
		if !c.receiveBytes(false, data[w.numbers[i]:end]) {
			break
		}
	}
	return true
}

// receiveBytes adds a message with a copy of these bytes to in.batch, unless it is too big.
func (c *Conn) receiveBytes(text bool, data []byte) bool {
	if c.messageLimit >= 0 && int64(len(data)) > c.messageLimit {
		c.failTooBig()
		return false
	}
	c.in.batch = append(c.in.batch, payload{text: text, data: append(make([]byte, 0, len(data)), data...)})
	return true
}

// numberBytes returns the memory of numbers, which is little-endian on both sides.
func (w *workspace) numberBytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&w.numbers)), unsafe.Sizeof(w.numbers))
}

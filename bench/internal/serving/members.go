package serving

import (
	"slices"
	"sync"
)

// members are the connections of a server that broadcasts.
type members[C comparable] struct {
	mu   sync.Mutex
	list []C
}

func (m *members[C]) add(c C) {
	m.mu.Lock()
	m.list = append(m.list, c)
	m.mu.Unlock()
}

// each calls send with every member, in the order in which they joined, and leaves those out for which it fails.
func (m *members[C]) each(send func(C) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = slices.DeleteFunc(m.list, func(c C) bool { return send(c) != nil })
}

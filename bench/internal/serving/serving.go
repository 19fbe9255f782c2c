// Package serving has the contestants as servers: programs that echo every message, and that can send one to all of
// their connections.
package serving

import (
	"fmt"
	"net/http"

	"github.com/seed2c7e30c3/ws/bench/internal/load"
)

// Config says how a server is set up.
type Config struct {
	Setting    Setting
	Deflate    bool // permessage-deflate, without context takeover in both directions
	InHandler  bool // the loop that reads a connection runs in its http handler, which does not return before its end
	Broadcasts bool // connections are kept for Broadcast
}

// Setting says how a library's options are set.
type Setting int

const (
	Default Setting = iota // as in the library's own example
	Small                  // for small connections
	Fast                   // for cheap messages
)

// Server answers each request with the opening handshake and echoes the connection's messages.
type Server interface {
	http.Handler

	// Broadcast sends a message to all connections, text if the server compresses, in the way that the library has for
	// that. A connection that fails is left out from then on. The error says that there was nothing to send.
	Broadcast(data []byte) error
}

// Contestant is a library as a server.
type Contestant struct {
	Name    string
	Variant bool // a second way to use a library

	new func(base) Server
}

// New makes a server. It calls opened for each connection that it has opened, and closed when that has ended.
func (c *Contestant) New(config Config, opened, closed func()) Server {
	return c.new(base{config, opened, closed})
}

// base is what all servers have.
type base struct {
	Config
	opened, closed func()
}

// Contestants are all libraries, the subject first.
func Contestants() []*Contestant {
	return []*Contestant{
		{Name: load.Subject, new: newWS},
		{Name: load.ReadVariant, new: newReadingWS, Variant: true},
		{Name: load.Append, new: newAppendingWS, Variant: true},
		{Name: load.Rival, new: newCoder},
		{Name: "gorilla", new: newGorilla},
		{Name: "gws", new: newGWS},
		{Name: "gobwas", new: newGobwas},
	}
}

// Named returns a contestant.
func Named(name string) (*Contestant, error) {
	for _, c := range Contestants() {
		if c.Name == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("no server is called %q", name)
}

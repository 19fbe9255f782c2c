//go:build !js

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/seed2c7e30c3/ws/internal/scenario"
	"github.com/seed2c7e30c3/ws/wasm/demo"
)

// catalogue has the scenarios that the demo can replay.
type catalogue struct {
	scenarios map[string]*scenario.Scenario
	raw       json.RawMessage // the same, as a list in JSON
	servers   []demo.Server
}

// servers are the scenarios that have a button of their own, with what their server does.
var servers = []demo.Server{
	{Scenario: "k-rst", Name: "Resets", Sentence: "Accepts, and resets the TCP connection a moment later."},
	{Scenario: "k-fin-mid-payload", Name: "Half a message", Sentence: "Announces five bytes, sends two and hangs up."},
	{Scenario: "d-opcode-7", Name: "A bad frame", Sentence: "Sends a frame whose opcode does not exist."},
	{Scenario: "d-utf8-bad-second-frag", Name: "Invalid UTF-8", Sentence: "Sends a text whose second half is not UTF-8."},
	{Scenario: "h-proto-unrequested", Name: "Wrong subprotocol", Sentence: "Selects a subprotocol that nobody offered."},
	{Scenario: "h-never-answers", Name: "Never answers",
		Sentence: "Accepts the connection and stays silent; the program gives up after two seconds.", Limit: 2000},
	{Scenario: "k-data-then-close", Name: "Closes at once",
		Sentence: "Sends a message, and closes with 4000 before it has been read."},
	{Scenario: "k-client-queued-rst", Name: "A slow reader",
		Sentence: "Stops reading while 24 MiB are on their way, then resets the connection."},
	{Scenario: "h-accept-wrong", Name: "Wrong key", Sentence: "Answers with the key of a different handshake."},
	{Scenario: "c-messages-after-close", Name: "Late messages",
		Sentence: "Sends three more messages after our Close frame, before its own."},
	{Scenario: "k-1006", Name: "Forbidden code", Sentence: "Closes with 1006, which must never be on the wire."},
	{Scenario: "d-frag-split-utf8-ping", Name: "Ping inside a letter",
		Sentence: "Sends a ping between two halves of one character. This is allowed."},
}

// defaultLimit is the number of milliseconds after which the program gives up.
const defaultLimit = 8000

// loadCatalogue reads the scenarios from the module's source, which the go command needs anyway.
func loadCatalogue(moduleDir string) (*catalogue, error) {
	file := filepath.Join(moduleDir, "testdata", "scenarios.json")
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the scenarios: %w", err)
	}
	list, err := scenario.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	c := &catalogue{scenarios: make(map[string]*scenario.Scenario)}
	var kept []json.RawMessage
	for i, s := range list {
		if demo.CanReplay(s) {
			c.scenarios[s.Name] = s
			kept = append(kept, raw[i])
		}
	}
	if c.raw, err = json.Marshal(kept); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, server := range servers {
		s := c.scenarios[server.Scenario]
		if s == nil {
			return nil, fmt.Errorf("%s has no scenario %q that the demo can replay", file, server.Scenario)
		}
		if server.Limit == 0 {
			server.Limit = defaultLimit
		}
		server.Alike = alike(s)
		c.servers = append(c.servers, server)
	}
	return c, nil
}

// alike reports whether the recordings of all engines are the same.
func alike(s *scenario.Scenario) bool {
	return s.Expect.Client != nil && !slices.ContainsFunc(scenario.Engines, func(engine string) bool {
		return !slices.Contains(s.Expect.Agree, engine)
	})
}

// list returns the scenarios.
func (c *catalogue) list() []*scenario.Scenario {
	list := make([]*scenario.Scenario, 0, len(c.scenarios))
	for _, s := range c.scenarios {
		list = append(list, s)
	}
	return list
}

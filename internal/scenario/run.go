package scenario

import (
	"regexp"
	"slices"
	"strings"
)

// A Run is one replay of a scenario, as [Server] started it.
type Run struct {
	ID string `json:"id"`

	// Vars are the values of {H}, {P}, {TLS}, {REF}, {BAD}, {X1}, {X2}, {X3}, {PAGE} and {N}.
	Vars map[string]string `json:"vars"`
}

// Expand replaces the variables in a URL or a text.
func (r *Run) Expand(s string) string {
	return variable.ReplaceAllStringFunc(s, func(v string) string {
		if value, ok := r.Vars[v[1:len(v)-1]]; ok {
			return value
		}
		return v
	})
}

var variable = regexp.MustCompile(`\{[A-Z][A-Z0-9]*\}`)

// BaseURL is what relative URLs resolve against.
func (r *Run) BaseURL() string { return r.Expand("http://127.0.0.1:{PAGE}/js/page.html") }

// Normalize replaces the run's ports and addresses by what the recorded traces show: P for a port, BAD for the address
// that nobody listens on, 127.0.0.1 for the server's.
func (r *Run) Normalize(entry string) string {
	if r == nil {
		return entry
	}
	var pairs []string
	for name, value := range r.Vars {
		switch name {
		case "N", "H", "BAD":
		case "X1", "X2", "X3":
			pairs = append(pairs, ":"+value, ":X")
		default:
			pairs = append(pairs, ":"+value, ":"+name)
		}
	}
	// Longer ports first: one port may be the start of another.
	ports := make([][2]string, 0, len(pairs)/2)
	for pair := range slices.Chunk(pairs, 2) {
		ports = append(ports, [2]string{pair[0], pair[1]})
	}
	slices.SortFunc(ports, func(a, b [2]string) int { return len(b[0]) - len(a[0]) })
	pairs = pairs[:0]
	for _, p := range ports {
		pairs = append(pairs, p[0], p[1])
	}
	entry = strings.NewReplacer(pairs...).Replace(entry)
	if bad := r.Vars["BAD"]; bad != r.Vars["H"] {
		entry = strings.ReplaceAll(entry, bad, "BAD")
	}
	return strings.ReplaceAll(entry, r.Vars["H"], "127.0.0.1")
}

// A Connection is what the server saw of one connection.
type Connection struct {
	Port    string      `json:"port"`    // P, TLS, X1 ...
	Request string      `json:"request"` // the request line
	Header  [][2]string `json:"header"`  // the request's headers
	Wire    []string    `json:"wire"`    // the client's frames, Close, and end of TCP
}

// Values returns the values of a request header; the name's case does not matter.
func (c *Connection) Values(name string) []string {
	var values []string
	for _, field := range c.Header {
		if strings.EqualFold(field[0], name) {
			values = append(values, field[1])
		}
	}
	return values
}

package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/seed2c7e30c3/ws/bench/internal/load"
)

// result has the samples of all contestants for one measure.
type result struct {
	Name     string               `json:"name"`
	Unit     string               `json:"unit"`
	Absolute bool                 `json:"absolute,omitempty"`
	Samples  map[string][]float64 `json:"samples"` // by contestant
}

type results struct {
	list []*result
}

func (s *results) add(platform, name string, k load.Kind, contestant string, value float64) {
	parts := []string{platform, k.Group, name}
	if k.Group == "" {
		parts = []string{platform, name}
	}
	full := strings.Join(parts, "/")
	i := slices.IndexFunc(s.list, func(r *result) bool { return r.Name == full })
	if i < 0 {
		i = len(s.list)
		s.list = append(s.list, &result{Name: full, Unit: k.Unit, Absolute: k.Absolute, Samples: make(map[string][]float64)})
	}
	r := s.list[i]
	r.Samples[contestant] = append(r.Samples[contestant], value)
}

// quantile of sorted values, linear between neighbours.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	pos := q * float64(len(sorted)-1)
	low := int(pos)
	if low+1 == len(sorted) {
		return sorted[low]
	}
	return sorted[low] + (pos-float64(low))*(sorted[low+1]-sorted[low])
}

func (r *result) quantile(contestant string, q float64) float64 {
	return quantile(slices.Sorted(slices.Values(r.Samples[contestant])), q)
}

func (r *result) median(contestant string) float64 { return r.quantile(contestant, 0.5) }

// spread is half of the distance between the quartiles, as a part of the median.
func (r *result) spread(contestant string) float64 {
	return (r.quantile(contestant, 0.75) - r.quantile(contestant, 0.25)) / 2 / r.median(contestant)
}

// best returns the peer with the lowest median, or "" if there is none. If limit takes part, it returns limit.
func (r *result) best() string {
	if _, ok := r.Samples[limit]; ok {
		return limit
	}
	best := ""
	for _, name := range r.contestants() {
		if !slices.Contains(notPeers, name) && (best == "" || r.median(name) < r.median(best)) {
			best = name
		}
	}
	return best
}

// contestants returns the contestants that took part, the subject first.
func (r *result) contestants() []string {
	var names []string
	for _, name := range order {
		if _, ok := r.Samples[name]; ok {
			names = append(names, name)
		}
	}
	return names
}

// order is the order in all tables.
var order = []string{
	load.Subject, load.Variant, load.ReadVariant, load.Append, load.Stream, limit, wire, load.Rival, "gorilla", "gws",
	"gobwas", nothing,
}

// subjects are the ways to use the subject, and notPeers the contestants that do not count as the best peer.
var (
	subjects = []string{load.Subject, load.Variant, load.ReadVariant, load.Append, load.Stream}
	notPeers = append([]string{wire, nothing}, subjects...)
)

// nothing is the program that does not dial.
const nothing = "empty"

// printQuick prints one line for the subject and one for each of its variants: the name and two columns, which are
// the ratios to the best peer and to coder, or, for absolute figures, those of the subject and of coder.
func (r *result) printQuick(w io.Writer) error {
	for _, name := range subjects {
		if _, ok := r.Samples[name]; !ok {
			continue
		}
		own := r.median(name)
		second, third := own/r.median(r.best()), own/r.median(load.Rival)
		if r.Absolute {
			second, third = own, r.median(load.Rival)
		}
		if _, err := fmt.Fprintf(w, "%-36s %s %s\n", r.Name+strings.TrimPrefix(name, load.Subject), column(second),
			column(third)); err != nil {
			return err
		}
	}
	return nil
}

func column(v float64) string {
	switch {
	case math.IsNaN(v):
		return fmt.Sprintf("%8s", "-")
	case math.Abs(v) >= 100:
		return fmt.Sprintf("%8.0f", v)
	}
	return fmt.Sprintf("%8.2f", v)
}

// printTable prints every contestant's median, its spread, and the subject's ratio to it.
func (r *result) printTable(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "%s (%s)\n", r.Name, r.Unit); err != nil {
		return err
	}
	for _, name := range r.contestants() {
		ratio := ""
		if _, ok := r.Samples[load.Subject]; ok && name != load.Subject && !r.Absolute {
			ratio = fmt.Sprintf("%s is %s of it", load.Subject, strings.TrimSpace(column(r.median(load.Subject)/r.median(name))))
		}
		mark := " "
		if name == r.best() && !r.Absolute {
			mark = "*"
		}
		if _, err := fmt.Fprintf(w, "  %s %-14s %14s  ±%3.0f %%  %s\n", mark, name, figure(r.median(name)),
			100*r.spread(name), ratio); err != nil {
			return err
		}
	}
	return nil
}

func figure(v float64) string {
	if math.Abs(v) >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

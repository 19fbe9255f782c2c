package main

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/seed2c7e30c3/ws/bench/internal/load"
)

// charts says which results are drawn together: those whose names begin with one of the prefixes after the platform.
var charts = []struct {
	file, title string
	prefixes    []string
}{
	{"latency", "Ping-pong", []string{"pingpong/", "dial"}},
	{"receive", "Receiving a flood", []string{"recv/"}},
	{"send", "Sending a flood", []string{"send/"}},
	{"echo", "Echo of a large message", []string{"echo/"}},
	{"json", "Compressed JSON text", []string{"json/"}},
	{"pipelined", "Echo, 16 messages under way", []string{"pipelined/"}},
	{"broadcast", "One message to all connections", []string{"broadcast/"}},
	{"upgrade", "Upgrade", []string{"upgrade/"}},
	{"idle", "An idle connection", []string{
		"idle/heap+stack", "idle/rss", "idle/echoed/heap+stack", "idle/tls/heap+stack", "idle/deflate/echoed/heap+stack",
	}},
	{"size", "Size of the program", []string{"size/"}},
}

var barColors = map[string]color.Color{
	load.Subject:     color.RGBA{0x1b, 0x7f, 0x5c, 0xff},
	load.Variant:     color.RGBA{0x7f, 0xc6, 0xa6, 0xff},
	load.ReadVariant: color.RGBA{0x7f, 0xc6, 0xa6, 0xff},
	load.Append:      color.RGBA{0x3f, 0xa0, 0x86, 0xff},
	load.Stream:      color.RGBA{0xb2, 0xdd, 0xcc, 0xff},
	limit:            color.RGBA{0xd9, 0xb3, 0x10, 0xff},
	wire:             color.RGBA{0xe8, 0xcf, 0x6a, 0xff},
	load.Rival:       color.RGBA{0x33, 0x5c, 0x9e, 0xff},
	"gorilla":        color.RGBA{0x8a, 0x5a, 0xa0, 0xff},
	"gws":            color.RGBA{0xc8, 0x66, 0x2e, 0xff},
	"gobwas":         color.RGBA{0x77, 0x77, 0x77, 0xff},
	nothing:          color.RGBA{0xbb, 0xbb, 0xbb, 0xff},
}

// plotAll draws one chart for each platform and each group with results: medians relative to the subject's, so that
// lower is better and the subject is 1.
func plotAll(dir string, all []*result) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, platform := range platforms(all) {
		for _, c := range charts {
			var list []*result
			for _, r := range all {
				if r.median(load.Subject) > 0 && hasPrefix(r.Name, platform, c.prefixes) {
					list = append(list, r)
				}
			}
			if len(list) == 0 {
				continue
			}
			if err := drawChart(filepath.Join(dir, platform+"-"+c.file+".png"), platform+": "+c.title, list); err != nil {
				return fmt.Errorf("the chart %s: %w", c.file, err)
			}
		}
	}
	return nil
}

// platforms returns the first parts of the results' names.
func platforms(all []*result) []string {
	var list []string
	for _, r := range all {
		if platform, _, _ := strings.Cut(r.Name, "/"); !slices.Contains(list, platform) {
			list = append(list, platform)
		}
	}
	return list
}

func hasPrefix(name, platform string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, platform+"/"+p) })
}

func drawChart(file, title string, list []*result) error {
	p := plot.New()
	p.Title.Text = title
	p.Y.Label.Text = "relative to " + load.Subject + " (lower is better)"
	p.Y.Min = 0
	p.Legend.Top = true
	p.Add(plotter.NewGrid())
	names := taking(list)
	const group = 3 * vg.Centimeter
	width := group * 8 / 10 / vg.Length(len(names))
	labels := make([]string, len(list))
	for i, r := range list {
		_, labels[i], _ = strings.Cut(r.Name, "/")
	}
	for i, name := range names {
		values := make(plotter.Values, len(list))
		for j, r := range list {
			values[j] = r.median(name) / r.median(load.Subject)
			if math.IsNaN(values[j]) {
				values[j] = 0 // did not take part
			}
		}
		bars, err := plotter.NewBarChart(values, width)
		if err != nil {
			return err
		}
		bars.Color = barColors[name]
		bars.LineStyle.Width = 0
		bars.Offset = width * (vg.Length(i) - vg.Length(len(names)-1)/2)
		p.Add(bars)
		p.Legend.Add(name, bars)
	}
	// Room for the legend above the bars.
	p.Y.Max *= 1.25
	p.NominalX(labels...)
	p.X.Min, p.X.Max = -0.6, float64(len(list))-0.4
	p.Legend.Left = true
	p.Legend.Padding = vg.Millimeter
	return p.Save(max(14*vg.Centimeter, group*vg.Length(len(list))+4*vg.Centimeter), 10*vg.Centimeter, file)
}

// taking returns the contestants that take part in any of the results.
func taking(list []*result) []string {
	var names []string
	for _, name := range order {
		for _, r := range list {
			if _, ok := r.Samples[name]; ok {
				names = append(names, name)
				break
			}
		}
	}
	return names
}

package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// maxLines is the most lines that an example may need.
const maxLines = 40

const howToRenew = `renew the table by "go -C examples run ."`

// The table has every example, with the lines that it has now. Sizes change with each version of Go, so they are not
// looked at.
func TestTable(t *testing.T) {
	programs, err := examples()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _, err := cutTable(string(text))
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(table), "\n")[2:]
	if len(rows) != len(programs) {
		t.Fatalf("the table has %d examples, but there are %d: %s", len(rows), len(programs), howToRenew)
	}
	for i, p := range programs {
		want := fmt.Sprintf("| [%s](%s) | %s | %d | ", p.name, p.name, p.shows, p.lines)
		if !strings.HasPrefix(rows[i], want) {
			t.Errorf("%q does not begin with %q: %s", rows[i], want, howToRenew)
		}
		if p.lines > maxLines {
			t.Errorf("%s/%s has %d lines, more than %d", p.name, clientFile, p.lines, maxLines)
		}
	}
}

func TestCountLines(t *testing.T) {
	const source = `// Package p has comments.
package p

/* of all
kinds */
import "fmt" // and after code

var text = ` + "`raw\n\nstring`" + `

func f() {
	// Nothing else.
	fmt.Println(text)
}
`
	if n := countLines([]byte(source)); n != 8 {
		t.Errorf("%d lines, want 8", n)
	}
}

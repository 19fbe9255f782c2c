package engine_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain runs more tests at a time than there are processors, unless -parallel says: they wait more than they
// compute.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", "8"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

package frame

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/seed2c7e30c3/ws/internal/deflate"
	"github.com/seed2c7e30c3/ws/internal/deflate/deflatetest"
)

// hugeVariable has what the child process of a test reads: the way that messages come, their length, and how many.
const hugeVariable = "WS_TEST_HUGE"

const mib = 1 << 20

// readHuge reads count messages of a length, with nothing but a small buffer beside the Reader. It keeps the last
// one only, or all.
func readHuge(way string, length, count int64) (err error) {
	way, keepAll := strings.CutSuffix(way, "+")
	var all [][]byte
	buf := make([]byte, 64<<10)
	for i := range buf {
		buf[i] = byte(i * 7)
	}
	var inflater *deflate.Inflater
	if way == "compressed" {
		inflater = deflate.NewInflater(true)
	}
	r := NewReader(Client, -1, inflater)
	var last []byte
	take := func(ev Event, err error) error {
		if ev.Op == Continuation || err != nil {
			return err
		}
		if last = ev.Payload; int64(len(last)) != length {
			return fmt.Errorf("a message of %d bytes", len(last))
		}
		for at := range last[:min(len(last), 1<<16)] {
			for _, i := range []int{at, len(last) - 1 - at} {
				if inflater == nil && last[i] != byte(i%len(buf)*7) || inflater != nil && last[i] != 0 {
					return fmt.Errorf("byte %d is %d", i, last[i])
				}
			}
		}
		return nil
	}
	feed := func(data []byte) error {
		for len(data) > 0 {
			ev, n, err := r.Next(data)
			if data = data[n:]; err != nil {
				return err
			}
			if err := take(ev, nil); err != nil {
				return err
			}
		}
		return nil
	}
	// payload feeds bytes from..to of the message.
	payload := func(from, to int64) error {
		for from < to {
			piece := buf[from%int64(len(buf)):]
			piece = piece[:min(int64(len(piece)), to-from)]
			if want := r.Want(); want != nil {
				n := copy(want, piece)
				from += int64(n)
				ev, err := r.Advance(n)
				if err := take(ev, err); err != nil {
					return err
				}
				continue
			}
			from += int64(len(piece))
			if err := feed(piece); err != nil {
				return err
			}
		}
		return nil
	}
	header := func(first byte, length int64) []byte {
		return AppendUnmaskedHeader(nil, Opcode(first&opBits), first&finBit != 0, first&rsv1Bit != 0, length)
	}
	for range count {
		last = nil
		switch way {
		case "whole":
			if err := feed(header(0x82, length)); err != nil {
				return err
			}
			if err := payload(0, length); err != nil {
				return err
			}
		case "fragments":
			const fragment = 100_000
			first := byte(Binary)
			for at := int64(0); at < length; at += fragment {
				end := min(at+fragment, length)
				if end == length {
					first |= finBit
				}
				if err := feed(header(first, end-at)); err != nil {
					return err
				}
				if err := payload(at, end); err != nil {
					return err
				}
				first = 0
			}
		case "compressed":
			block := append(deflatetest.NewDeflater(6).Deflate(make([]byte, mib)), 0, 0, 0xFF, 0xFF)
			if err := feed(header(0xC2, length/mib*int64(len(block)))); err != nil {
				return err
			}
			for range length / mib {
				if err := feed(block); err != nil {
					return err
				}
			}
		}
		if last == nil {
			return errors.New("no message")
		}
		if keepAll {
			all = append(all, last)
		}
	}
	runtime.KeepAlive(all)
	return nil
}

// TestHugeChild is the child process of the tests below.
func TestHugeChild(t *testing.T) {
	var way string
	var length, count int64
	if _, err := fmt.Sscanf(os.Getenv(hugeVariable), "%s %d %d", &way, &length, &count); err != nil {
		t.Skip("only in a process of its own, for the other tests")
	}
	err := readHuge(way, length, count)
	peak := 0
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		for line := range strings.Lines(string(status)) {
			fmt.Sscanf(line, "VmHWM: %d kB", &peak)
		}
	}
	fmt.Printf("peak %d KiB, result %v\n", peak, err)
}

// runHuge reads messages in a process of its own. It returns the most memory that this took, 0 if the system does
// not tell, and what came of it.
func runHuge(t *testing.T, way string, length, count int64, environ ...string) (peak int64, result string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHugeChild$")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d", hugeVariable, way, length, count))
	cmd.Env = append(cmd.Env, environ...)
	out, err := cmd.CombinedOutput()
	_, line, found := strings.Cut(string(out), "peak ")
	if !found || err != nil {
		t.Fatalf("%s, %d bytes: %v\n%.2000s", way, length, err, out)
	}
	line, _, _ = strings.Cut(line, "\n")
	if _, err := fmt.Sscanf(line, "%d KiB", &peak); err != nil {
		t.Fatal(err)
	}
	_, result, _ = strings.Cut(line, "result ")
	return peak << 10, result
}

// TestHugePeak: a message that comes in pieces takes twice its length, as the operating system sees it. A garbage
// collector that works often leaves little that nobody uses.
func TestHugePeak(t *testing.T) {
	if raceDetector || runtime.GOOS != "linux" {
		t.Skip("needs the memory of the process alone, as Linux tells it")
	}
	const length = 130 * mib
	for _, way := range []string{"fragments", "compressed"} {
		peak, result := runHuge(t, way, length, 1, "GOGC=5")
		t.Logf("%s: %.2f times the message", way, float64(peak)/length)
		if result != "<nil>" || peak > length*22/10 {
			t.Errorf("%s: result %s, %.2f times the message", way, result, float64(peak)/length)
		}
	}
}

// TestHuge32Bit: where memory has addresses of 32 bits, messages of up to MaxMessage arrive, one after the other,
// with the collector that programs have. What is longer, or has no room beside what the program keeps, is too big;
// the program goes on.
func TestHuge32Bit(t *testing.T) {
	if MaxMessage > 1<<32 {
		t.Skip("only where memory has addresses of 32 bits: GOARCH=386 go test -run TestHuge32Bit ./internal/frame")
	}
	if testing.Short() {
		t.Skip("takes minutes, and 4 GiB of memory")
	}
	const (
		tooLong  = "frame: message exceeds the limit of 1207959552 bytes (1009)"
		noMemory = "frame: message for which there is no memory (1009)"
	)
	for _, way := range []string{"whole", "fragments", "compressed"} {
		for _, c := range []struct {
			mib, count int64
			want       string
		}{{1025, 1, "<nil>"}, {1152, 4, "<nil>"}, {1153, 1, tooLong}, {1228, 1, tooLong}, {1536, 1, tooLong},
			{1945, 1, tooLong}} {
			t.Run(fmt.Sprintf("%s/%dx%d", way, c.count, c.mib), func(t *testing.T) {
				peak, result := runHuge(t, way, c.mib*mib, c.count)
				t.Logf("%d MiB of memory", peak/mib)
				if result != c.want {
					t.Errorf("result %s, want %s", result, c.want)
				}
			})
		}
		for _, size := range []int64{300, 1100} {
			t.Run(fmt.Sprintf("%s/all kept/%d", way, size), func(t *testing.T) {
				if peak, result := runHuge(t, way+"+", size*mib, 20); result != noMemory {
					t.Errorf("result %s, want %s", result, noMemory)
				} else {
					t.Logf("%d MiB of memory", peak/mib)
				}
			})
		}
	}
}

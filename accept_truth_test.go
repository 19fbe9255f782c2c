package ws_test

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/internal/frame"
	"github.com/seed2c7e30c3/ws/internal/scenario"
)

// acceptServerVariable names the environment variable with the URL of a scenario.Server that plays acceptScenarios with
// Accept.
const acceptServerVariable = "WS_TEST_ACCEPT_SCENARIOS"

// TestAcceptTruth replays scenarios of the truth table with Accept as the server: those in which the server does only
// what a server's Conn can do. What the client sees must be the same, natively and in every host. As in TestTruth,
// nothing else runs at the same time.
func TestAcceptTruth(t *testing.T) {
	all, err := scenario.Decode(scenariosJSON)
	if err != nil {
		t.Fatal(err)
	}
	list := selectScenarios(acceptScenarios(all))
	t.Logf("%d of %d scenarios", len(list), len(all))
	if len(acceptScenarios(all)) < 100 {
		t.Errorf("%d of %d scenarios are too few", len(acceptScenarios(all)), len(all))
	}
	control, host := os.Getenv(acceptServerVariable), recordedHost()
	if control == "" {
		control = startAcceptServer(t, list)
	}
	if control == "" || host == "" && runtime.GOOS == "js" {
		t.Skipf("%s is not set and this host cannot listen, or WS_TEST_HOST does not say which host this is",
			acceptServerVariable)
	}
	outcomes := replayAll(t.Context(), control, host, list)
	for i, sc := range list {
		o := outcomes[i]
		// The wire and the request are not compared. A scenario may have to end within 20 ms, which a busy machine does not
		// always manage; a real fault shows every time.
		const attempts = 10
		for range attempts {
			if o.err == nil && (!o.recorded || o.trace == "") {
				break
			}
			o = replayAndCompare(t.Context(), control, host, sc)
		}
		if o.err != nil || o.recorded && o.trace != "" {
			t.Errorf("%s: %v %s", sc.Name, o.err, o.trace)
		}
	}
}

// acceptScenarios returns the scenarios that Accept can play.
func acceptScenarios(all []*scenario.Scenario) (list []*scenario.Scenario) {
	for _, sc := range all {
		// net/http answers 400 to a path with an invalid escape.
		url := sc.URL.String()
		if _, ok := acceptProgram(sc.Server); ok && !strings.Contains(url, "{TLS}") && !strings.Contains(url, "%zz") {
			list = append(list, sc)
		}
	}
	return list
}

// acceptStep is what the program of a server's Conn does next: at most one of the fields is set.
type acceptStep struct {
	send    ws.Message
	code    ws.StatusCode // of Close or CloseWith
	reason  string
	receive int           // wait for that many frames
	sleep   time.Duration // how long: at most, if receive is set
}

// acceptProgram translates a server's program into steps. ok is false if a Conn cannot do what the program does.
func acceptProgram(program []scenario.ServerOp) (steps []acceptStep, ok bool) {
	if len(program) < 2 || program[0].Name != "accept" || program[len(program)-1].Name != "polite" {
		return nil, false
	}
	if a := program[0].Accept; a.Status != "" || a.Upgrade != nil || a.Connection != nil || a.Key != nil ||
		a.Protocol != nil || a.Extensions != nil || a.Extra != "" || a.Tail != nil || a.NoReader {
		return nil, false
	}
	reader := frame.NewReader(frame.Client, -1, nil)
	for _, op := range program[1 : len(program)-1] {
		switch op.Name {
		case "rx":
			steps = append(steps, acceptStep{receive: op.N, sleep: op.Wait})
		case "sleep":
			steps = append(steps, acceptStep{sleep: op.Wait})
		case "tx":
			sent, ok := acceptFrames(reader, op.Bytes)
			if !ok {
				return nil, false
			}
			steps = append(steps, sent...)
		default:
			return nil, false
		}
	}
	return steps, !reader.MidMessage()
}

// acceptFrames translates frames into steps. Each must be a frame that Send or Close would write.
func acceptFrames(reader *frame.Reader, data []byte) (steps []acceptStep, ok bool) {
	for len(data) > 0 {
		whole := data[0]&0x80 != 0
		ev, n, err := reader.Next(data)
		data = data[n:]
		if err != nil || !whole {
			return nil, false
		}
		switch ev.Op {
		case frame.Text:
			steps = append(steps, acceptStep{send: ws.Text(ev.Payload)})
		case frame.Binary:
			steps = append(steps, acceptStep{send: append(ws.Bytes{}, ev.Payload...)})
		case frame.Close:
			code, reason, err := frame.ParseClose(ev.Payload)
			if err != nil || code == 1010 || len(data) > 0 {
				return nil, false
			}
			steps = append(steps, acceptStep{code: ws.StatusCode(code), reason: reason})
		default:
			return nil, false
		}
	}
	return steps, true
}

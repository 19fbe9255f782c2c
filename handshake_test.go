package ws_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// TestPasswordHidden: no error shows a password that is in a URL, also in one that does not parse.
func TestPasswordHidden(t *testing.T) {
	t.Parallel()
	host := strings.TrimPrefix(serverURL, "ws://")
	for name, test := range map[string]struct {
		url, base string
		kind      error // nil: the attempt fails
	}{
		"fragment":           {"ws://user:secret@" + host + "/#x", "", ws.ErrSyntax},
		"fragment inside":    {"ws://user:1#secret@" + host + "/", "", ws.ErrSyntax},
		"no host":            {"ws://user:secret@/", "", ws.ErrSyntax},
		"host":               {"ws://user:secret@[x]/", "", ws.ErrSyntax},
		"port":               {"ws://user:secret@" + host + "0000/", "", ws.ErrSyntax},
		"slash":              {"ws://user:se/secret@" + host + "/", "", ws.ErrSyntax},
		"scheme":             {"ftp://user:secret@" + host + "/", "", ws.ErrSyntax},
		"no scheme":          {"user:secret@" + host + "/", "", ws.ErrSyntax},
		"backslashes":        {`ws:\\user:secret@` + host + "/#x", "", ws.ErrSyntax},
		"relative, fragment": {"/x#y", "ws://user:secret@" + host, ws.ErrSyntax},
		"base":               {"/x", "ws://user:secret@[x]/", ws.ErrSyntax},
		"both":               {"//user:secret@[x]/", "ws://user:secret@a/", ws.ErrSyntax},
		"blocked port":       {"ws://user:secret@localhost:22/", "", ws.ErrSecurity},
		"refused":            {"ws://user:secret@" + host + "/status?code=404", "", nil},
		"refused, relative":  {"/status?code=404", "ws://user:secret@" + host, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := ws.Dial(testContext(t), test.url, &ws.Options{BaseURL: test.base})
			closeUnwanted(t, c)
			if err == nil {
				return
			}
			var closed *ws.CloseError
			if test.kind != nil && !errors.Is(err, test.kind) || test.kind == nil && !errors.As(err, &closed) {
				t.Errorf("error %v", err)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

type dialKey struct{}

// TestDialDetaches: a context with a value, a deadline and a cause has no effect on a connection that is open.
func TestDialDetaches(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(context.WithValue(testContext(t), dialKey{}, "value"))
	timed, stop := context.WithTimeout(ctx, time.Hour)
	defer stop()
	c, err := ws.Dial(timed, absolute("/echo"), nil)
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, c)
	stop()
	cancel(errors.New("the cause"))
	send(t, c, ws.Text("hello"))
	wantText(t, read(t, c), "hello")
}

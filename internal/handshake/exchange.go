//go:build !js

package handshake

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
)

// headerLimit is the most bytes of response header that are read, unless the caller's http.Transport says otherwise. It
// is Chromium's limit.
const headerLimit = 256 << 10

// switched is the body of a 101: the connection, preceded by the bytes that came with the response header.
type switched struct {
	net.Conn
	early []byte
}

func (s *switched) Read(p []byte) (int, error) {
	if len(s.early) > 0 {
		n := copy(p, s.early)
		s.early = s.early[n:]
		return n, nil
	}
	return s.Conn.Read(p)
}

// exchange sends a request and reads the response.
func (t *transport) exchange(conn net.Conn, req *http.Request, trace *httptrace.ClientTrace) (*http.Response, error) {
	if err := checkFields(req.Header); err != nil {
		return nil, err
	}
	// Send all of it in one write. An error of writing to memory means that the request cannot be written.
	var out bytes.Buffer
	if err := req.Write(&out); err != nil {
		return nil, err
	}
	if _, err := conn.Write(out.Bytes()); err != nil {
		return nil, fmt.Errorf("send the request: %w", err)
	}
	in := newHeaderReader(conn, t.settings.MaxResponseHeaderBytes)
	var resp *http.Response
	err := t.a.within(t.settings.ResponseHeaderTimeout, "response header", func() (err error) {
		resp, err = in.response(req, trace)
		return err
	})
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		resp.Body = &switched{conn, in.rest()}
	} else {
		resp.Body = &final{resp.Body, conn}
	}
	return resp, nil
}

// final is the body of a response that does not switch protocols. Its Close does not read what is left, as net/http's
// does.
type final struct {
	io.Reader
	conn net.Conn
}

func (f *final) Close() error {
	abort(f.conn)
	return nil
}

// headerReader reads HTTP responses from a connection, with a limit on the bytes of header.
type headerReader struct {
	*bufio.Reader
	limited *io.LimitedReader
	limit   int64
}

// newHeaderReader makes a headerReader with a limit; 0 means headerLimit.
func newHeaderReader(conn net.Conn, limit int64) *headerReader {
	if limit <= 0 {
		limit = headerLimit
	}
	limited := &io.LimitedReader{R: conn, N: limit}
	return &headerReader{bufio.NewReader(limited), limited, limit}
}

// response reads the response to a request, and skips interim ones.
func (r *headerReader) response(req *http.Request, trace *httptrace.ClientTrace) (*http.Response, error) {
	if trace != nil && trace.GotFirstResponseByte != nil {
		if _, err := r.Peek(1); err == nil {
			trace.GotFirstResponseByte()
		}
	}
	for {
		resp, err := r.next(req)
		if err != nil {
			if r.limited.N <= 0 {
				err = fmt.Errorf("the response header exceeds %d bytes", r.limit)
			}
			return nil, err
		}
		if code := resp.StatusCode; code < 100 || code > 199 || code == http.StatusSwitchingProtocols {
			r.limited.N = math.MaxInt64 // what follows is not header
			return resp, nil
		}
		if trace != nil && trace.Got1xxResponse != nil {
			if err := trace.Got1xxResponse(resp.StatusCode, textproto.MIMEHeader(resp.Header)); err != nil {
				return nil, err
			}
		}
	}
}

// next reads one response.
func (r *headerReader) next(req *http.Request) (*http.Response, error) {
	if start, _ := r.Peek(settingsLength); isSettings(start) {
		return nil, errors.New(`the server speaks HTTP/2, as after "h2" by ALPN: if a dialler makes the TLS connection, ` +
			alpnAdvice)
	}
	start, err := r.Peek(len("HTTP/1.1 101"))
	if err == nil && bytes.HasPrefix(start, []byte("HTTP/1.")) && bytes.HasSuffix(start, []byte(" 101")) {
		return r.switching(req)
	}
	resp, err := http.ReadResponse(r.Reader, req)
	return resp, clip(err)
}

// isSettings reports whether b is the header of HTTP/2's first frame, SETTINGS of stream 0 (RFC 9113, sections 3.4, 4.1
// and 6.5).
func isSettings(b []byte) bool {
	return len(b) == settingsLength && b[0] == 0 && b[1] == 0 && bytes.Equal(b[3:9], []byte{4, 0, 0, 0, 0, 0})
}

const settingsLength = 9

// switching reads a response with status 101. It does what http.ReadResponse does, except that the latter removes the
// field Connection if one of its options is "close".
func (r *headerReader) switching(req *http.Request) (*http.Response, error) {
	reader := textproto.NewReader(r.Reader)
	line, err := reader.ReadLine()
	if err != nil {
		return nil, unexpected(err)
	}
	proto, status, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(status, " ")
	resp := &http.Response{Status: status, Proto: proto, Request: req}
	var ok bool
	if resp.ProtoMajor, resp.ProtoMinor, ok = http.ParseHTTPVersion(proto); !ok || len(code) != 3 {
		return nil, clip(fmt.Errorf("malformed status line %q", line))
	}
	if resp.StatusCode, err = strconv.Atoi(code); err != nil {
		return nil, fmt.Errorf("malformed status code: %w", err)
	}
	header, err := reader.ReadMIMEHeader()
	if err != nil {
		return nil, clip(unexpected(err))
	}
	resp.Header = http.Header(header)
	return resp, nil
}

// unexpected returns err for a place where the stream must not end.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// rest returns what has been read beyond the header.
func (r *headerReader) rest() []byte {
	buffered, _ := r.Peek(r.Buffered()) // they are there
	return bytes.Clone(buffered)
}

// clipped is an error whose text quotes what a peer has sent, shortened.
type clipped struct{ error }

const clipLength = 300

func (e clipped) Error() string { return strings.ToValidUTF8(e.error.Error()[:clipLength], "") + "..." }

func (e clipped) Unwrap() error { return e.error }

// clip shortens the text of an error.
func clip(err error) error {
	if err != nil && len(err.Error()) > clipLength {
		return clipped{err}
	}
	return err
}

// checkFields returns an error if a header cannot be sent (RFC 9110, section 5). The error shows no values, because
// they may be secret.
func checkFields(h http.Header) error {
	for name, values := range h {
		if !ValidProtocol(name) {
			return fmt.Errorf("the request's header field name %q is not a token", name)
		}
		for _, value := range values {
			for i := range len(value) {
				if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
					return fmt.Errorf("the value of the request's header field %q has a control character", name)
				}
			}
		}
	}
	return nil
}

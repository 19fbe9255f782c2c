package ws

import (
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/seed2c7e30c3/ws/internal/handshake"
)

// Blob is a file-like object: immutable bytes with a media type (File API standard). Natively its bytes are in Go
// memory. In a JavaScript host it stands for a Blob object, whose bytes the host keeps and hands out asynchronously.
// Reading therefore takes a context, and must not be done inside a js.FuncOf, where it deadlocks. Its methods may be
// called from several goroutines.
type Blob struct {
	blob
}

// NewBlob returns a Blob with the media type contentType, whose content is that of all parts, one after the other. The
// bytes are copied. As in the File API, the type is lowercased, and is empty if it has a character outside of U+0020 to
// U+007E.
//
// A nil part is a "TypeError" *Exception; a Text that is not valid UTF-8 is ErrSyntax.
func NewBlob(contentType string, parts ...Message) (*Blob, error) {
	for i, part := range parts {
		if err := checkMessage(part); err != nil {
			e := err.(*Exception) // checkMessage has no other errors
			return nil, &Exception{Name: e.Name, Message: "part " + strconv.Itoa(i) + " of the Blob: " + e.Message}
		}
	}
	return newBlob(blobType(contentType), parts)
}

// Size returns the length in bytes.
func (b *Blob) Size() int64 { return b.size() }

// Type returns the media type. It is "" if the type is unknown.
func (b *Blob) Type() string { return b.mediaType() }

// String returns "Blob(3 bytes)", which is what fmt prints. Use Bytes or Text for the content.
func (b *Blob) String() string { return sized("Blob(", b) }

// Slice returns a Blob with the bytes from start to end (exclusive) and the given media type, without copying them.
// Negative positions count from the end, and positions outside of the Blob are clamped.
func (b *Blob) Slice(start, end int64, contentType string) *Blob {
	from, to := clampSlice(start, end, b.size())
	return b.slice(from, to, blobType(contentType))
}

// Bytes returns the content, which must not be modified. In a JavaScript host it waits for the host to read the Blob.
// It returns ctx.Err() if ctx ends first, and an *Exception if the host cannot read the Blob, for example a
// "NotReadableError". Natively it returns the Blob's own memory at once.
func (b *Blob) Bytes(ctx context.Context) ([]byte, error) {
	if err := checkContext(ctx); err != nil {
		return nil, err
	}
	return b.read(ctx, 0, b.size())
}

// Text returns the content decoded as UTF-8, without a leading byte order mark and with U+FFFD for whatever is not
// valid. It waits and fails as [Blob.Bytes] does.
func (b *Blob) Text(ctx context.Context) (string, error) {
	data, err := b.Bytes(ctx)
	if err != nil {
		return "", err
	}
	return handshake.ScalarValues(strings.TrimPrefix(string(data), "\uFEFF")), nil
}

// ArrayBuffer returns the content as an ArrayBuffer. It waits and fails as [Blob.Bytes] does.
func (b *Blob) ArrayBuffer(ctx context.Context) (*ArrayBuffer, error) {
	data, err := b.Bytes(ctx)
	if err != nil {
		return nil, err
	}
	return newArrayBuffer(data), nil
}

// Open returns a reader of the content, for Blobs that should not be in memory as a whole: it fetches the content from
// the host piece by piece. Its Read waits and fails as [Blob.Bytes] does with ctx. After Close, Read returns
// io.ErrClosedPipe.
func (b *Blob) Open(ctx context.Context) io.ReadCloser {
	return &blobReader{ctx: ctx, blob: b}
}

// blobChunk is the number of bytes that a blobReader asks the host for at a time.
const blobChunk = 256 << 10

type blobReader struct {
	ctx    context.Context
	blob   *Blob
	off    int64
	chunk  []byte
	closed bool
}

func (r *blobReader) Read(p []byte) (int, error) {
	if r.closed {
		return 0, io.ErrClosedPipe
	}
	if err := checkContext(r.ctx); err != nil || len(p) == 0 {
		return 0, err
	}
	if len(r.chunk) == 0 {
		if r.off >= r.blob.size() {
			return 0, io.EOF
		}
		end := min(r.off+blobChunk, r.blob.size())
		data, err := r.blob.read(r.ctx, r.off, end)
		if err != nil {
			return 0, err
		}
		r.chunk, r.off = data, end
	}
	n := copy(p, r.chunk)
	r.chunk = r.chunk[n:]
	return n, nil
}

func (r *blobReader) Close() error {
	r.closed, r.chunk = true, nil
	return nil
}

// blobType normalises a media type as the Blob constructor does.
func blobType(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] > 0x7e {
			return ""
		}
	}
	return strings.ToLower(s)
}

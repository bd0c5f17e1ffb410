package api

import (
	"bytes"
	"context"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
)

// net/http accepts a request with both Content-Length and Transfer-Encoding, ignores the length, and hides that it was
// there. A proxy in front that goes by the length sees another end of the request, so what one of them takes for the rest
// of a body the other takes for the next request (request smuggling). RFC 9112, 6.3, lets a server refuse such a request
// and makes it close the connection. To know of it, the header must be read before net/http does.

// Listen returns a listener for NewServer. Its connections keep track of where requests begin and end, so that the
// server can refuse requests that are framed in two ways.
func Listen(l net.Listener) net.Listener { return framedListener{l} }

type framedListener struct{ net.Listener }

func (l framedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &framedConn{Conn: conn}, nil
}

// framedConn follows the headers of the requests on a connection until one has a body whose end its header does not
// tell. The server closes the connection after that request, so that no other can follow.
type framedConn struct {
	net.Conn
	scan      headerScanner
	ambiguous atomic.Bool // a request has both a length and a transfer encoding
	final     atomic.Bool // no other request may follow on this connection
}

func (c *framedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if !c.final.Load() {
		c.scan.write(p[:n], c)
	}
	return n, err
}

// CloseWrite lets net/http send the end of an answer before it closes a connection with unread data.
func (c *framedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

type framedConnKey struct{}

func withConn(ctx context.Context, conn net.Conn) context.Context {
	if framed, ok := conn.(*framedConn); ok {
		return context.WithValue(ctx, framedConnKey{}, framed)
	}
	return ctx
}

// connOf returns the connection of a request, nil where the listener is not one of Listen.
func connOf(ctx context.Context) *framedConn {
	conn, _ := ctx.Value(framedConnKey{}).(*framedConn)
	return conn
}

// maxScannedLine is how much of a header line is looked at: names and values of the two fields are far shorter.
const maxScannedLine = 128

// headerScanner finds the two fields in a stream of requests. It skips bodies by their length.
type headerScanner struct {
	body    int64  // bytes of a body that are still to come
	line    []byte // the beginning of the current line
	started bool   // the header has a line
	encoded bool   // the header has a Transfer-Encoding
	lengths int    // how many Content-Length fields the header has
	length  int64  // their value, -1 if it is not a number
}

// write scans what was read next and marks c where a header calls for it.
func (s *headerScanner) write(p []byte, c *framedConn) {
	for len(p) > 0 && !c.final.Load() {
		if s.body > 0 {
			n := min(s.body, int64(len(p)))
			s.body -= n
			p = p[n:]
			continue
		}
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			s.keep(p)
			return
		}
		s.keep(p[:end])
		p = p[end+1:]
		if line := bytes.TrimRight(s.line, "\r"); len(line) > 0 {
			s.field(string(line))
		} else if s.started { // an empty line before a request is tolerated
			s.endHeader(c)
		}
		s.line = s.line[:0]
	}
}

func (s *headerScanner) keep(p []byte) {
	s.line = append(s.line, p[:min(len(p), maxScannedLine-len(s.line))]...)
}

func (s *headerScanner) field(line string) {
	s.started = true
	name, value, _ := strings.Cut(line, ":")
	switch {
	case strings.EqualFold(name, "Transfer-Encoding"):
		s.encoded = true
	case strings.EqualFold(name, "Content-Length"):
		n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		if err != nil || n < 0 || s.lengths > 0 && n != s.length {
			n = -1
		}
		s.lengths++
		s.length = n
	}
}

func (s *headerScanner) endHeader(c *framedConn) {
	switch {
	case s.encoded:
		c.ambiguous.Store(s.lengths > 0)
		c.final.Store(true)
	case s.length < 0:
		c.final.Store(true) // net/http refuses it
	}
	*s = headerScanner{line: s.line[:0], body: max(s.length, 0)}
}

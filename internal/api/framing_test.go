package api_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/api"
)

func discardLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// exchange sends requests over one connection, in pieces of a size, and each when the one before has been answered. It
// returns the statuses of the answers and the body of the last one, when the server has closed the connection.
func exchange(t *testing.T, address net.Addr, piece int, requests ...string) (statuses []int, last string) {
	t.Helper()
	conn := connect(t, address)
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	answers := bufio.NewReader(conn)
	for {
		if len(requests) > 0 {
			go func(raw string) {
				for len(raw) > 0 {
					n := min(piece, len(raw))
					if _, err := io.WriteString(conn, raw[:n]); err != nil {
						return
					}
					raw = raw[n:]
				}
			}(requests[0])
			requests = requests[1:]
		}
		answer, err := http.ReadResponse(answers, nil)
		if err != nil {
			require.True(t, errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET), "%v", err)
			return statuses, last
		}
		body, err := io.ReadAll(answer.Body)
		if !errors.Is(err, syscall.ECONNRESET) { // the server closed while the client was still sending
			require.NoError(t, err)
		}
		statuses, last = append(statuses, answer.StatusCode), string(body)
		if answer.Close {
			rest, _ := io.ReadAll(answers) // a reset after the answer is as good as an end
			require.Empty(t, string(rest))
			return statuses, last
		}
	}
}

// A request whose end two readers would find at two places is refused, and nothing after it is answered.
func TestAmbiguousFraming(t *testing.T) {
	t.Parallel()
	const (
		smuggled = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
		good     = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
		end      = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	)
	post := func(header, body string) string {
		return "POST /webhooks/fal/x HTTP/1.1\r\nHost: x\r\n" + header + "\r\n" + body
	}
	address := newWorld(t).listening()
	for name, c := range map[string]struct {
		raw      []string
		statuses []int
		want     string
	}{
		"length and chunks": {
			[]string{post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"+smuggled)}, []int{400}, "both Content-Length and Transfer-Encoding",
		},
		"chunks and length": {
			[]string{post("transfer-encoding: chunked\r\ncontent-length: 49\r\n", "0\r\n\r\n"+smuggled)}, []int{400}, "both Content-Length and Transfer-Encoding",
		},
		"lines that end with LF": {
			[]string{strings.ReplaceAll(post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), "\r", "") + smuggled}, []int{400}, "",
		},
		"a GET with both": {
			[]string{"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled}, []int{400}, "both",
		},
		"HTTP/1.0 with both": {
			[]string{"POST /webhooks/fal/x HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled},
			[]int{400},
			"both",
		},
		"after other requests": {
			[]string{
				good, post("Content-Length: 7\r\n", "{\"a\":1}") + "\r\n", good,
				post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"+smuggled),
			},
			[]int{200, 404, 200, 400},
			"both Content-Length and Transfer-Encoding",
		},
		"chunks alone": {[]string{post("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"+smuggled)}, []int{404}, "nothing at this address"},
		"HTTP/1.0 with chunks": {
			[]string{"POST /webhooks/fal/x HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled}, []int{404}, "",
		},
		"two lengths": {[]string{post("Content-Length: 5\r\nContent-Length: 6\r\n", "12345"+smuggled)}, []int{400}, ""},
		"the same length twice": {
			[]string{post("Content-Length: 5\r\nContent-Length: 5\r\n", "12345") + end}, []int{404, 200}, "ok",
		},
		"a length alone": {[]string{post("Content-Length: 5\r\n", "12345") + end}, []int{404, 200}, "ok"},
		"names in a body": {
			[]string{post("Content-Length: 53\r\n", "\r\n\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n") + end}, []int{404, 200}, "ok",
		},
	} {
		for _, piece := range []int{1, 7, 1 << 20} {
			t.Run(fmt.Sprint(name, " in pieces of ", piece), func(t *testing.T) {
				t.Parallel()
				statuses, last := exchange(t, address, piece, c.raw...)
				require.Equal(t, c.statuses, statuses, last)
				require.Contains(t, last, c.want)
			})
		}
	}
}

// Pipelined requests after a chunked one are not answered on the same connection; a client sends them again.
func TestChunkedRequestIsTheLastOfItsConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *api.Options) { o.PublicURL = "https://persona.example.org" })
	media, body := goodForm(5).finish()
	raw, err := io.ReadAll(body)
	require.NoError(t, err)
	statuses, last := exchange(t, w.listening(), 1<<20, fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\n"+
		"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", trainPath, token(t, ada), media, len(raw), raw))
	require.Equal(t, []int{http.StatusAccepted}, statuses, last)
}

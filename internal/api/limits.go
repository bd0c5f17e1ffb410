package api

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// Limits of connections. A request may take as long as it moves.
const (
	stallTimeout  = time.Minute     // longest wait for the next bytes of a body
	answerTimeout = 5 * time.Minute // longest time for writing an answer: 10 MB at 34 KB/s
	remainTimeout = 5 * time.Second // longest wait for the rest of a body that nobody wants

	smallBody   = 64 << 10 // any request without an upload
	webhookBody = 8 << 20  // providers put results into webhooks; a refused one is sent again and again
	jsonBody    = 512 << 10
	fieldBytes  = 64 << 10 // one field of a multipart request
	excessBytes = 64 << 20 // what is read and thrown away of an upload that is too large, so that it can be answered
)

// limitBody bounds how much is read of a request and how long anybody may keep us waiting.
func (s *server) limitBody(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		limit := int64(smallBody)
		switch c.Path() {
		case trainPath, scorePath:
			limit = s.uploadLimit()
		case webhookRoute:
			limit = webhookBody
		}
		if c.Request().ContentLength > limit {
			c.Response().Header().Set("Connection", "close")
			return &http.MaxBytesError{Limit: limit}
		}
		r, control := c.Request(), http.NewResponseController(c.Response())
		_ = control.SetWriteDeadline(time.Time{}) // the connection may carry the previous answer's deadline
		c.Response().Before(func() { _ = control.SetWriteDeadline(time.Now().Add(answerTimeout)) })
		if r.Body == nil || r.Body == http.NoBody {
			return next(c)
		}
		body := &patientBody{ReadCloser: http.MaxBytesReader(c.Response(), r.Body, limit), control: control}
		r.Body = body
		defer func() {
			if !body.ended {
				_ = control.SetReadDeadline(time.Now().Add(remainTimeout))
			}
		}()
		return next(c)
	}
}

// uploadLimit is the largest request that could still be answered in a useful way.
func (s *server) uploadLimit() int64 {
	return int64(s.Judge.Policy.MaxPhotos)*s.Judge.Policy.MaxBytes + excessBytes + 1<<20
}

// patientBody waits for each read, not for the whole body. Between reads there is no deadline: the server reads ahead to
// notice that a client has gone, and a deadline would look to it like one that has.
type patientBody struct {
	io.ReadCloser
	control *http.ResponseController
	ended   bool
}

func (b *patientBody) Read(p []byte) (int, error) {
	_ = b.control.SetReadDeadline(time.Now().Add(stallTimeout))
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.ended = errors.Is(err, io.EOF)
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

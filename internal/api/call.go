package api

import (
	"context"
	"net/http"
	"regexp"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
)

// call is what is known of the request being served, beyond what huma hands to a handler.
type call struct {
	id      string
	userID  string // empty until the token has been checked
	ip      string
	request *http.Request
	writer  http.ResponseWriter
}

type callKey struct{}

// callOf returns the call of ctx; outside of a request it is an empty one.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{}
}

// userOf returns the id of the user whose token came with the request.
func userOf(ctx context.Context) string { return callOf(ctx).userID }

// goodRequestID is what is accepted from a client or a proxy as the id of its request.
var goodRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{8,64}$`)

// begin gives the request its id and its call.
func (s *server) begin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		if !goodRequestID.MatchString(id) {
			id = uuid.NewString()
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		cl := &call{id: id, ip: c.RealIP(), writer: c.Response()}
		r := c.Request().WithContext(context.WithValue(c.Request().Context(), callKey{}, cl))
		cl.request = r
		c.SetRequest(r)
		return next(c)
	}
}

package token

import (
	"context"
	"errors"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// Refused is the close code for a client whose token is not known. A page that gets it should not try again.
const Refused ws.StatusCode = 4401

// Login reads a client's first message, the token. If it returns no error, c is open and name is the user.
func Login(ctx context.Context, c *ws.Conn, user func(token string) (name string, ok bool)) (name string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second) // a client that sends nothing must not stay
	defer cancel()
	token, err := c.ReadText(ctx)
	if err != nil {
		c.CloseNow()
		return "", err
	}
	name, ok := user(token)
	if !ok {
		return "", errors.Join(errors.New("no valid token"), c.Shutdown(ctx, Refused, "no valid token"))
	}
	return name, nil
}

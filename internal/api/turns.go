package api

import (
	"runtime"
	"sync"

	"github.com/inflio/persona/internal/persona"
)

// How many requests to judge photos are served at a time: each holds two or three photos in memory, and one more while
// it waits for a core.
const (
	turnsOfUser  = 2
	turnsForCore = 4
)

// turns bounds what judging photos takes of the server, and what one user takes of that.
type turns struct {
	mu    sync.Mutex
	most  int
	all   int
	users map[string]int
}

func newTurns() *turns {
	return &turns{most: turnsForCore * runtime.GOMAXPROCS(0), users: map[string]int{}}
}

// take gives the user a turn, which done ends, or tells to come again.
func (t *turns) take(user string) (done func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all >= t.most || t.users[user] >= turnsOfUser {
		return nil, &persona.Error{
			Kind: persona.Unavailable, Code: persona.CodeUnavailable,
			Message: "Other photos are being judged. Send these again in a few seconds.",
		}
	}
	t.all++
	t.users[user]++
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.all--
		if t.users[user]--; t.users[user] == 0 {
			delete(t.users, user)
		}
	}, nil
}

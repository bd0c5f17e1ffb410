//go:build !unix

package postgres

import (
	"os"
	"syscall"
)

// account is a user that PostgreSQL runs under; here it is always our own.
type account struct{ name string }

func unprivileged() (*account, error) { return nil, nil }

func ownerOf(path string) (*account, error) {
	_, err := os.Stat(path)
	return &account{}, err
}

func (a *account) isUs() bool           { return true }
func (a *account) canReach(string) bool { return true }
func (a *account) give(string) error    { return nil }

func childAttributes(*account) *syscall.SysProcAttr { return nil }

func interrupt(p *os.Process) { _ = p.Kill() }
func quit(p *os.Process)      { _ = p.Kill() }

func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	_ = p.Release()
	return true
}

func servesCluster(int, string) bool { return true }

//go:build unix && !linux

package postgres

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// endWithParent does nothing: there is no death signal here, so a server may be left over; the next start stops it.
func endWithParent(*syscall.SysProcAttr) {}

// servesCluster reports whether a process is a PostgreSQL server of the cluster: its number alone may have been
// given to another program by now.
func servesCluster(pid int, data string) bool {
	out, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), data)
}

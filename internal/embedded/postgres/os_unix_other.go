//go:build unix && !linux

package postgres

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// endWithParent does nothing, because there is no death signal here. The next start stops a server that was left over.
func endWithParent(*syscall.SysProcAttr) {}

// servesCluster reports whether a process is a PostgreSQL server of the cluster. Another program may have got its id.
func servesCluster(pid int, data string) bool {
	out, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), data)
}

package postgres

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
)

// deathSignal is what the kernel sends to the server when this process is gone: a fast shutdown.
var deathSignal = syscall.SIGINT

// endWithParent makes the kernel ask the server for a fast shutdown when this process is gone, however it ended.
func endWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = deathSignal }

// servesCluster reports whether a process is a PostgreSQL server of the cluster: its number alone may have been
// given to another program by now.
func servesCluster(pid int, data string) bool {
	args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return false
	}
	for arg := range bytes.SplitSeq(args, []byte{0}) {
		if string(arg) == data {
			return true
		}
	}
	return false
}

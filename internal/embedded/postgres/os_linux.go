package postgres

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
)

// deathSignal is the signal that the kernel sends to the server when this process ends: a fast shutdown.
var deathSignal = syscall.SIGINT

// endWithParent makes the kernel send deathSignal to the server when this process ends, however it ends.
func endWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = deathSignal }

// servesCluster reports whether a process is a PostgreSQL server of the cluster. Another program may have got its id.
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

package storagetest

import (
	"os"
	"syscall"
)

// memory is where Linux keeps files in memory. Copying a database is a matter of hundreds of small files: there it takes 20 ms,
// on a busy disk up to 600.
const memory = "/dev/shm"

// roomy is the free space that is asked for, in bytes: in containers the place is often small.
const roomy = 2 << 30

// base is the folder in which test servers have theirs.
func base() string {
	var place syscall.Statfs_t
	if err := syscall.Statfs(memory, &place); err != nil || place.Bavail*uint64(place.Bsize) < roomy {
		return os.TempDir()
	}
	return memory
}

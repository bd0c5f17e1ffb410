package storagetest

import (
	"os"
	"syscall"
)

// memory is where Linux keeps files in memory. A copy of a database is hundreds of small files, which takes 20 ms there and up to
// 600 ms on a busy disk.
const memory = "/dev/shm"

// minFree is the free space that the place must have, in bytes. In containers it is often small.
const minFree = 2 << 30

// base returns the folder in which test servers make theirs.
func base() string {
	var place syscall.Statfs_t
	if err := syscall.Statfs(memory, &place); err != nil || place.Bavail*uint64(place.Bsize) < minFree {
		return os.TempDir()
	}
	return memory
}

//go:build !linux

package storagetest

import "os"

// base is the folder in which test servers have theirs.
func base() string { return os.TempDir() }

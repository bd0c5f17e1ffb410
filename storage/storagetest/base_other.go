//go:build !linux

package storagetest

import "os"

// base returns the folder in which test servers make theirs.
func base() string { return os.TempDir() }

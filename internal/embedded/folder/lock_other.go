//go:build !unix

package folder

import "os"

// lock does nothing, because there is no flock here: do not start two processes on one folder.
func lock(*os.File) error { return nil }

func unlock(*os.File) error { return nil }

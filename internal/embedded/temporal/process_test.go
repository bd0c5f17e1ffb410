package temporal_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/inflio/persona/internal/embedded/temporal"
)

// helperFile names, in the environment of a second process of this test program, the file to run a server on.
const helperFile = "PERSONA_TEST_TEMPORAL"

func TestMain(m *testing.M) {
	if file := os.Getenv(helperFile); file != "" {
		s, err := temporal.Start(context.Background(), temporal.Options{File: file})
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		fmt.Println(s.Addr())
		select {} // until it is killed
	}
	os.Exit(m.Run())
}

func TestAKilledProcessLosesNothing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "temporal.db")
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), helperFile+"="+file)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	c, err := client.Dial(client.Options{HostPort: strings.TrimSpace(line)})
	require.NoError(t, err)
	require.Equal(t, "hello you", run(t, c, "kept", "you"))
	c.Close()
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())

	c = dial(t, start(t, temporal.Options{File: file}))
	defer c.Close()
	var greeting string
	require.NoError(t, c.GetWorkflow(t.Context(), "kept", "").Get(t.Context(), &greeting))
	require.Equal(t, "hello you", greeting)
	require.Equal(t, "hello again", run(t, c, "new", "again"))
}

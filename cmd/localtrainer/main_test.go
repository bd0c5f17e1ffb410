package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/localtrainer"
	"github.com/inflio/persona/internal/sitter"
)

// asProgram makes the test binary run as the program, so that it can be killed.
const asProgram = "LOCALTRAINER_AS_PROGRAM"

const waitLimit = time.Minute

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string
	out    string // what it printed until it was ready
	exited chan error
}

func launch(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{t: t, exited: make(chan error, 1)}
	p.cmd = exec.Command(os.Args[0], args...)
	p.cmd.Env = append(os.Environ(), asProgram+"=1")
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		p.out += lines.Text() + "\n"
		if strings.Contains(lines.Text(), "/_local/jobs") {
			break
		}
	}
	go func() { p.exited <- p.cmd.Wait() }()
	if m := regexp.MustCompile(`export FAL_QUEUE_URL=(.*)`).FindStringSubmatch(p.out); m != nil {
		p.url = m[1]
	}
	return p
}

func (p *program) end(signal os.Signal) error {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(signal))
	select {
	case err := <-p.exited:
		return err
	case <-time.After(waitLimit):
		require.Fail(p.t, "the program did not end")
		return nil
	}
}

func (p *program) call(method, url string, body []byte) map[string]any {
	p.t.Helper()
	if !strings.HasPrefix(url, "http") {
		url = p.url + url
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, url, bytes.NewReader(body))
	require.NoError(p.t, err)
	req.Header.Set("Authorization", "Key secret")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(p.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(p.t, err)
	require.Less(p.t, resp.StatusCode, 300, string(raw))
	var answer map[string]any
	_ = json.Unmarshal(raw, &answer) // an upload answers nothing
	return answer
}

func dataset(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i, p := range sitter.New(3).Set(4, 160) {
		f, err := w.Create(fmt.Sprintf("%d.jpg", i))
		require.NoError(t, err)
		require.NoError(t, jpeg.Encode(f, p.Image, nil))
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

func TestATrainingSurvivesAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := launch(t, "-listen", "127.0.0.1:0", "-data", dir, "-key", "secret", "-pace", "1h")
	require.Contains(t, first.out, "export FAL_KEY=secret\n")
	require.Contains(t, first.out, "export FAL_REST_URL="+first.url+"\n")
	require.Contains(t, first.out, "export FAL_API_URL="+first.url+"/v1\n")

	target := first.call("POST", "/storage/upload/initiate", []byte(`{"file_name":"x.zip"}`))
	first.call("PUT", target["upload_url"].(string), dataset(t))
	input, err := json.Marshal(map[string]any{"images_data_url": target["file_url"], "trigger_word": "ohwx", "steps": 10_000})
	require.NoError(t, err)
	id := first.call("POST", "/"+localtrainer.TrainEndpoint, input)["request_id"].(string)
	path := "/" + localtrainer.TrainEndpoint + "/requests/" + id
	require.Eventually(t, func() bool {
		return strings.Contains(fmt.Sprint(first.call("GET", path+"/status?logs=1", nil)["logs"]), "Training on 4 images")
	}, waitLimit, 10*time.Millisecond)
	require.Error(t, first.end(syscall.SIGKILL))

	second := launch(t, "-listen", "127.0.0.1:0", "-data", dir, "-key", "secret")
	require.Eventually(t, func() bool {
		return second.call("GET", path+"/status", nil)["status"] == "COMPLETED"
	}, waitLimit, 10*time.Millisecond)
	require.Contains(t, fmt.Sprint(second.call("GET", path, nil)), "safetensors")
	require.Len(t, second.call("GET", "/_local/jobs", nil)["jobs"], 1)
	require.NoError(t, second.end(syscall.SIGTERM))
}

func TestLimitedKeys(t *testing.T) {
	t.Parallel()
	p := launch(t, "-listen", "127.0.0.1:0", "-data", t.TempDir(), "-key", "secret",
		"-limited-key", "only:reads=read", "-limited-key", "only:submits=submit")
	for key, want := range map[string]int{"only:reads": http.StatusForbidden, "only:submits": http.StatusOK, "secret": http.StatusOK, "x": http.StatusUnauthorized} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/"+localtrainer.ImageEndpoint, strings.NewReader("{}"))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Key "+key)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, resp.StatusCode, key)
	}
	require.NoError(t, p.end(os.Interrupt))
}

func TestItStopsWhileRequestsAndJobsAreOpen(t *testing.T) {
	t.Parallel()
	p := launch(t, "-listen", "127.0.0.1:0", "-data", t.TempDir())
	p.call("POST", "/_local/faults", []byte(`{"on":"generate","effect":"stuck"}`))
	p.call("POST", "/_local/faults", []byte(`{"on":"status","effect":"stuck"}`))
	id := p.call("POST", "/"+localtrainer.ImageEndpoint, []byte(`{"prompt":"x"}`))["request_id"].(string)
	hung := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
			p.url+"/"+localtrainer.ImageEndpoint+"/requests/"+id+"/status", http.NoBody)
		if err == nil {
			req.Header.Set("Authorization", "Key x")
			_, err = http.DefaultTransport.RoundTrip(req)
		}
		hung <- err
	}()
	require.Eventually(t, func() bool {
		return len(p.call("GET", "/_local/faults", nil)["faults"].([]any)) == 0
	}, waitLimit, 10*time.Millisecond)
	require.NoError(t, p.end(os.Interrupt))
	require.Error(t, <-hung)
}

func TestAFailedStartIsExplained(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for _, args := range [][]string{
		{"-listen", taken.Addr().String(), "-data", t.TempDir()},
		{"-listen", "127.0.0.1:0", "-data", os.DevNull},
		{"-listen", "127.0.0.1:0", "-data", t.TempDir(), "-public-url", "nonsense"},
		{"-nonsense"},
		{"-listen", "127.0.0.1:0", "-data", t.TempDir(), "-limited-key", "a:b=write"},
	} {
		var out bytes.Buffer
		cmd := exec.Command(os.Args[0], args...)
		cmd.Env, cmd.Stderr = append(os.Environ(), asProgram+"=1"), &out
		require.Error(t, cmd.Run(), args)
		require.Regexp(t, `^localtrainer: .{10,}\n$`, out.String(), args)
	}
}

package photo_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// base is what a test process takes beside photos, and what judging leaves to the garbage collector.
const base = 96 << 20

// childFiles names, for a child process of TestPeakMemory, the files to judge; childBudget is the policy's MaxMemory,
// and childAtOnce how many of the files are judged at one time.
const (
	childFiles  = "PERSONA_TEST_PEAK_FILES"
	childBudget = "PERSONA_TEST_PEAK_BUDGET"
	childAtOnce = "PERSONA_TEST_PEAK_AT_ONCE"
)

// TestPeakMemory judges hostile files in a process of its own and reads the peak of its resident memory from the
// system: the budget holds for memory, not only for what is alive on Go's heap.
func TestPeakMemory(t *testing.T) {
	t.Parallel()
	if files := os.Getenv(childFiles); files != "" {
		judgeFiles(t, strings.Split(files, "\n"))
		return
	}
	const small = 96 << 20 // so that the pictures are decoded quickly
	dir := t.TempDir()
	var all []string
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, data, 0o600))
		return path
	}
	face := portrait(3, nil).Image
	for name, data := range map[string][]byte{
		"8 bits.png":            flatPNG(3600, 3600, 8, pngColour, false),
		"8 bits and alpha.png":  flatPNG(3600, 3600, 8, pngAlpha, false),
		"16 bits.png":           flatPNG(2500, 2500, 16, pngAlpha, false),
		"16 bits of grey.png":   flatPNG(5000, 5000, 16, pngGrey, false),
		"interlaced.png":        flatPNG(2500, 2500, 8, pngColour, true),
		"palette.png":           flatPNG(7000, 7000, 8, pngPalette, false),
		"progressive.jpg":       flatJPEG{w: 2600, h: 2600, progressive: true}.encode(),
		"large baseline.jpg":    flatJPEG{w: 11_000, h: 9_000}.encode(),
		"full colours.jpg":      flatJPEG{w: 4000, h: 4000, whole: true}.encode(),
		"ink.jpg":               flatJPEG{w: 2400, h: 2400, components: 4, whole: true}.encode(),
		"several scans.jpg":     flatJPEG{w: 5500, h: 5500, scans: 3}.encode(),
		"a large face.jpg":      heavy(encodePhoto(t, repeated(face, 8))),
		"a large face.png":      afterHeader(encodePNG(t, repeated(face, 7)), comment()),
		"refused by header.png": flatPNG(30_000, 30_000, 1, pngGrey, false),
	} {
		all = append(all, write(name, data))
	}
	t.Run("side by side", func(t *testing.T) {
		t.Parallel()
		requirePeak(t, small, small/4+base, 4, all)
	})
	t.Run("one after the other", func(t *testing.T) {
		t.Parallel()
		requirePeak(t, persona.DefaultPhotoPolicy().MaxMemory, 250<<20, 1, []string{
			write("largest.png", flatPNG(11_000, 9_000, 8, pngColour, false)),
			write("largest 16 bits.png", flatPNG(7500, 7500, 16, pngAlpha, false)),
			write("largest progressive.jpg", flatJPEG{w: 7800, h: 7800, progressive: true}.encode()),
		})
	})
}

// requirePeak judges files in a child process and checks that its memory never exceeds the budget and the allowance.
func requirePeak(t *testing.T, budget, allowance int64, atOnce int, files []string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), self, "-test.run", "^TestPeakMemory$", "-test.v")
	child.Env = append(
		os.Environ(), childFiles+"="+strings.Join(files, "\n"), childBudget+"="+strconv.FormatInt(budget, 10),
		childAtOnce+"="+strconv.Itoa(atOnce),
	)
	out, err := child.CombinedOutput()
	require.NoError(t, err, string(out))
	var peak int64
	_, rest, found := strings.Cut(string(out), "peak kB: ")
	require.True(t, found, string(out))
	_, err = fmt.Sscan(rest, &peak)
	require.NoError(t, err)
	t.Logf("%d MB of %d MB", peak>>10, (budget+allowance)>>20)
	require.LessOrEqual(t, peak<<10, budget+allowance, "%d MB", peak>>10)
}

// judgeFiles is the child process.
func judgeFiles(t *testing.T, files []string) {
	t.Helper()
	p := persona.DefaultPhotoPolicy()
	var err error
	p.MaxMemory, err = strconv.ParseInt(os.Getenv(childBudget), 10, 64)
	require.NoError(t, err)
	atOnce, err := strconv.Atoi(os.Getenv(childAtOnce))
	require.NoError(t, err)
	debug.SetMemoryLimit(photo.MemoryLimit(p))
	judge := photo.NewJudge(p, nil)
	queue := make(chan string)
	var group sync.WaitGroup
	for range atOnce {
		group.Go(func() {
			for path := range queue {
				if err := judgeFile(judge, path); err != nil {
					t.Errorf("%s: %v", path, err)
				}
			}
		})
	}
	for _, path := range files {
		queue <- path
	}
	close(queue)
	group.Wait()
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	_, peak, found := strings.Cut(string(status), "VmHWM:")
	require.True(t, found)
	fmt.Fprintln(os.Stdout, "peak kB:", strings.Fields(peak)[0])
}

// judgeFile does with a file what a training does.
func judgeFile(judge *photo.Judge, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	judged, err := judge.File(context.Background(), f, time.Time{})
	if err != nil {
		return err
	}
	defer judged.Close()
	if !judged.Decoded() && !strings.Contains(path, "refused") {
		return fmt.Errorf("was not decoded: %v", judged.Findings)
	}
	if len(judged.Descriptor) > 0 {
		_, err = judged.TrainingFiles(judge.Policy)
	}
	return err
}

package photo_test

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/sitter"
)

var update = flag.Bool("update", false, "write testdata/verdicts.golden anew")

// Measures may differ from the golden ones by a tenth and by .06, which is what another processor's rounding can move
// where a search ends at another pixel. Words may not differ.
const (
	goldenShare = 0.10
	goldenSlack = 0.06
)

// golden is one photo whose verdict is written down.
type golden struct {
	name   string
	code   persona.PhotoCode // must be said of it, and nothing else may refuse it; empty when it must be accepted
	judged func() (photo.Measures, persona.PhotoPolicy, error)
}

// sitterOfFaults is the person of the photos with faults.
const sitterOfFaults = 7

// judgedAt is the day to which ages are counted.
var judgedAt = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func goldens() []golden {
	var all []golden
	for _, f := range sitter.Faults() {
		if f.OfSet {
			continue
		}
		all = append(all, golden{f.Name, persona.PhotoCode(f.Code), func() (photo.Measures, persona.PhotoPolicy, error) {
			policy := persona.DefaultPhotoPolicy()
			var data []byte
			if f.Pose == nil || f.Code == string(persona.PhotoLowScore) {
				data = f.Draw(sitterOfFaults)
			} else {
				policy = smallPolicy()
				data = jpegOf(f.Portrait(sitterOfFaults, 512))
			}
			m, err := measuresOf(data, policy)
			return m, policy, err
		}})
	}
	all = append(all, golden{
		"extreme_angle, both eyes seen", persona.PhotoExtremeAngle,
		func() (photo.Measures, persona.PhotoPolicy, error) {
			m, err := measuresOf(jpegOf(portrait(12, func(p *sitter.Pose) { p.Yaw, p.Light = 42, 42 })), smallPolicy())
			return m, smallPolicy(), err
		},
	})
	for _, good := range []struct {
		name   string
		id     uint64
		change func(*sitter.Pose)
	}{
		{"good", 2, nil},
		{"good, dark skin", 5, nil},
		{"good, glasses", 8, func(p *sitter.Pose) { p.Glasses = true }},
		{"good, laughing", 4, func(p *sitter.Pose) { p.Smile = 1 }},
		{"good, half turned", 11, func(p *sitter.Pose) { p.Yaw, p.Light = 20, -40 }},
		{"good, near", 6, func(p *sitter.Pose) { p.Distance = 0.55 }},
	} {
		all = append(all, golden{good.name, "", func() (photo.Measures, persona.PhotoPolicy, error) {
			m, err := measuresOf(jpegOf(portrait(good.id, good.change)), smallPolicy())
			return m, smallPolicy(), err
		}})
	}
	return all
}

func jpegOf(p sitter.Portrait) []byte {
	var b strings.Builder
	if err := photo.EncodeJPEG(&b, p.Image, 95); err != nil {
		panic(err)
	}
	return []byte(b.String())
}

// measuresOf judges a file. What cannot be decoded has findings, too.
func measuresOf(data []byte, policy persona.PhotoPolicy) (photo.Measures, error) {
	j, err := photo.NewJudge(policy, nil).Bytes(context.Background(), data, judgedAt)
	if err != nil {
		return photo.Measures{}, err
	}
	defer j.Close()
	return j.Measures, nil
}

// describeVerdict writes what is compared.
func describeVerdict(name string, m photo.Measures, p persona.PhotoPolicy) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", name, m.Report("", 0, p).Verdict)
	for _, f := range m.Findings {
		fmt.Fprintf(&b, "\t%s %s %s\n", f.Code, f.Why, f.Do)
	}
	if m.Faces == 0 {
		return b.String()
	}
	q := m.Quality
	open := (q.EyesOpen[0] + q.EyesOpen[1]) / 2
	for _, v := range []struct {
		name  string
		value float64
	}{
		{"eyes", q.EyeDistance},
		{"fine", q.Fineness},
		{"bright", q.Highlights},
		{"contrast", q.Contrast},
		{"burnt", q.Burnt},
		{"open", open},
		{"hidden", q.EyesHidden},
		{"covered", q.FaceCovered},
		{"mouth", q.MouthOpen},
		{"second", q.SecondFace},
		{"outside", q.HeadOutside},
		{"border", q.Border},
		{"score", m.Score.Overall},
	} {
		fmt.Fprintf(&b, "\t%s %s", v.name, strconv.FormatFloat(v.value, 'g', 3, 64))
	}
	return b.String() + "\n"
}

// TestVerdicts draws a photo for every rule and some good ones, and compares what is said about them with what is
// written down. Run with -update after a change that is meant, and read the difference.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	all := goldens()
	got := make([]string, len(all))
	var group sync.WaitGroup
	for i, g := range all {
		group.Go(func() {
			m, policy, err := g.judged()
			if err != nil {
				got[i] = err.Error()
				return
			}
			got[i] = describeVerdict(g.name, m, policy)
			if problem := g.problem(m, policy); problem != "" {
				t.Errorf("%s %s:\n%s", g.name, problem, got[i])
			}
		})
	}
	group.Wait()
	path := filepath.Join("testdata", "verdicts.golden")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(strings.Join(got, "")), 0o600))
	}
	wanted, err := os.ReadFile(path)
	require.NoError(t, err)
	want := strings.Split(strings.TrimSuffix(string(wanted), "\n"), "\n")
	lines := strings.Split(strings.TrimSuffix(strings.Join(got, ""), "\n"), "\n")
	require.Len(t, lines, len(want), "another number of findings:\n%s", strings.Join(lines, "\n"))
	for i, line := range lines {
		require.True(t, alike(want[i], line), "line %d\nwant %s\ngot  %s", i+1, want[i], line)
	}
}

// problem is what is wrong with a verdict, whatever is written down.
func (g golden) problem(m photo.Measures, p persona.PhotoPolicy) string {
	if g.code == "" {
		if !m.Accepted(p) {
			return "is refused"
		}
		return ""
	}
	told := false
	for _, f := range m.Findings {
		told = told || f.Code == g.code
		if f.Refuses && f.Code != g.code {
			return "is refused for something else"
		}
	}
	if !told {
		return "is not told"
	}
	return ""
}

// TestFaultsOfSets judges the photos whose fault shows only beside good ones.
func TestFaultsOfSets(t *testing.T) {
	t.Parallel()
	var names []string
	var drawn []func() sitter.Portrait
	for i := range 6 {
		names = append(names, "")
		drawn = append(drawn, func() sitter.Portrait { return sitter.New(sitterOfFaults).SetPortrait(i, 512) })
	}
	for _, f := range sitter.Faults() {
		if f.OfSet {
			names = append(names, f.Code)
			drawn = append(drawn, func() sitter.Portrait { return f.Portrait(sitterOfFaults, 512) })
		}
	}
	all := make([]photo.Measures, len(drawn))
	var group sync.WaitGroup
	for i, draw := range drawn {
		group.Go(func() {
			m, err := measuresOf(jpegOf(draw()), smallPolicy())
			if err != nil || !m.Accepted(smallPolicy()) {
				t.Errorf("%s %d: %v %+v", names[i], i, err, m.Findings)
			}
			all[i] = m
		})
	}
	group.Wait()
	said := map[string]int{}
	for i, c := range photo.NewJudge(smallPolicy(), nil).Set(members(all...), len(all)).Choices {
		for _, f := range c.Findings {
			require.Equal(t, names[i], string(f.Code), "%d: %s", i, f.Why)
			said[names[i]]++
		}
	}
	require.Equal(t, map[string]int{"duplicate": 1, "unlike_the_others": 1}, said)
}

// alike compares word by word; numbers may differ by the tolerance.
func alike(want, got string) bool {
	a, b := strings.Fields(want), strings.Fields(got)
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] == b[i] {
			continue
		}
		x, errX := strconv.ParseFloat(a[i], 64)
		y, errY := strconv.ParseFloat(b[i], 64)
		if errX != nil || errY != nil || math.Abs(x-y) > goldenSlack+goldenShare*math.Abs(x) {
			return false
		}
	}
	return true
}

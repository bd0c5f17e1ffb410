package embedding_test

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"math"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/embedding"
	"github.com/inflio/persona/internal/onnx/onnxtest"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/sitter"
)

func load(t *testing.T, f *onnxtest.File, s embedding.Settings) *embedding.Model {
	t.Helper()
	m, err := embedding.New(f.Bytes(), s)
	require.NoError(t, err)
	return m
}

// policy judges what a drawn picture shows, not how many bytes it has.
func policy() persona.PhotoPolicy {
	p := persona.DefaultPhotoPolicy()
	p.MinBytes, p.MinSide = 0, 0
	return p
}

func judge(t testing.TB, j *photo.Judge, img image.Image) photo.Measures {
	t.Helper()
	var file bytes.Buffer
	require.NoError(t, jpeg.Encode(&file, img, &jpeg.Options{Quality: 92}))
	judged, err := j.Photo(context.Background(), file.Bytes(), time.Time{})
	require.NoError(t, err)
	defer judged.Close()
	require.Equal(t, 1, judged.Faces)
	return judged.Measures
}

// people are five pictures each of a dark-skinned and of a pale person, drawn once.
var people = sync.OnceValue(func() (out [2][]image.Image) {
	for i, who := range []uint64{dark, pale} {
		for _, p := range sitter.New(who).Set(5, 360) {
			out[i] = append(out[i], p.Image)
		}
	}
	return out
})

// Two drawn people whose faces have other colours.
const dark, pale = 8, 3

func TestPhotosAreDescribedByTheModel(t *testing.T) {
	t.Parallel()
	m := load(t, onnxtest.Colours(32), embedding.Settings{})
	j := photo.NewJudge(policy(), m)
	one := judge(t, j, people()[0][0])
	require.Equal(t, m.Name(), one.DescribedBy)
	require.Len(t, one.Descriptor, 3)
	require.InDelta(t, 1, one.Descriptor.Similarity(one.Descriptor), 1e-6)
	var length float64
	for _, v := range one.Descriptor {
		length += float64(v) * float64(v)
	}
	require.InDelta(t, 1, length, 1e-5)
	require.Equal(t, one.Descriptor, judge(t, j, people()[0][0]).Descriptor, "the same photo, the same descriptor")
}

// A photo of somebody whom the model tells apart is refused when the operator gave a cut, and warned of otherwise.
func TestStrangersInASet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings embedding.Settings
		refuses  bool
	}{
		"with a cut":    {embedding.Settings{Same: 0.3}, true},
		"without a cut": {embedding.Settings{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := photo.NewJudge(policy(), load(t, onnxtest.People(32), c.settings))
			var members []photo.Member
			for i, img := range append(people()[0][:4:4], people()[1][0]) {
				m := judge(t, j, img)
				members = append(members, photo.Member{Photo: strconv.Itoa(i), Index: i, Accepted: true, Measures: m})
			}
			for i, choice := range j.Set(members, 20).Choices {
				var said []persona.Finding
				for _, f := range choice.Findings {
					if f.Code == persona.PhotoUnlikeOthers {
						said = append(said, f)
					}
				}
				if i < 4 {
					require.Empty(t, said, "photo %d is the person's own", i)
					continue
				}
				require.Len(t, said, 1)
				require.Equal(t, c.refuses, said[0].Refuses)
				require.Equal(t, !c.refuses, choice.Use)
			}
		})
	}
}

// Descriptors of another describer tell nothing, whatever they are: photos judged before the model was changed.
func TestDescriptorsOfOthersAreNotCompared(t *testing.T) {
	t.Parallel()
	j := photo.NewJudge(policy(), load(t, onnxtest.People(32), embedding.Settings{Same: 0.3}))
	other := photo.NewJudge(policy(), load(t, onnxtest.People(48), embedding.Settings{Same: 0.3}))
	require.NotEqual(t, j.DescribedBy(), other.DescribedBy())
	var members []photo.Member
	for i, img := range people()[0][:4] {
		members = append(members, photo.Member{Photo: strconv.Itoa(i), Index: i, Accepted: true, Measures: judge(t, j, img)})
	}
	members = append(members, photo.Member{Photo: "4", Index: 4, Accepted: true, Measures: judge(t, other, people()[1][0])})
	for _, choice := range j.Set(members, 20).Choices {
		for _, f := range choice.Findings {
			require.NotEqual(t, persona.PhotoUnlikeOthers, f.Code)
		}
	}
}

// The name must change with all that changes descriptors, and with nothing else.
func TestName(t *testing.T) {
	t.Parallel()
	name := func(side int, s embedding.Settings) string { return load(t, onnxtest.Colours(side), s).Name() }
	require.Regexp(t, `^onnx:[0-9a-f]{12} rgb -1\.\.1$`, name(32, embedding.Settings{}))
	require.Equal(t, name(32, embedding.Settings{}), name(32, embedding.Settings{Same: 0.3, Pixels: "rgb -1..1"}))
	require.NotEqual(t, name(32, embedding.Settings{}), name(32, embedding.Settings{Pixels: "bgr -1..1"}))
	require.NotEqual(t, name(32, embedding.Settings{}), name(48, embedding.Settings{}))
}

func TestCuts(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 0.363, load(t, onnxtest.Colours(32), embedding.Settings{Same: 0.363}).Cuts().Stranger, 0)
	unknown := load(t, onnxtest.Colours(32), embedding.Settings{}).Cuts()
	require.InDelta(t, -1, unknown.Stranger, 0)
	require.Positive(t, unknown.UnlikeLeast)
	require.Positive(t, unknown.TwoGroupsGap)
}

// What the network gets: the mean colours that it returns tell order and range.
func TestPixels(t *testing.T) {
	t.Parallel()
	describe := func(f *onnxtest.File, s embedding.Settings) photo.Descriptor {
		return judge(t, photo.NewJudge(policy(), load(t, f, s)), people()[1][0]).Descriptor
	}
	raw := describe(onnxtest.Colours(32), embedding.Settings{Pixels: "rgb 0..255"})
	require.Greater(t, raw[0], raw[2], "skin is red rather than blue")
	require.InDelta(t, 1, raw.Similarity(describe(onnxtest.Colours(32), embedding.Settings{Pixels: "rgb 0..1"})), 1e-6)
	swapped := describe(onnxtest.Colours(32), embedding.Settings{Pixels: "bgr 0..255"})
	require.InDeltaSlice(t, []float32{raw[2], raw[1], raw[0]}, []float32(swapped), 1e-6)

	// A network that shifts by itself gets pixels as they are, and comes to the same.
	shifting := new(onnxtest.File).Input("picture", 1, 0, 3, 32, 32).
		Weight("middle", onnxtest.Floats([]float32{127.5}, 1)).
		Node("Sub", []string{"picture", "middle"}, "shifted").
		Node("GlobalAveragePool", []string{"shifted"}, "means").
		Node("Flatten", []string{"means"}, "vector").Output("vector")
	m := load(t, shifting, embedding.Settings{})
	require.Contains(t, m.Name(), "rgb 0..255")
	got := describe(shifting, embedding.Settings{})
	require.InDelta(t, 1, got.Similarity(describe(onnxtest.Colours(32), embedding.Settings{})), 1e-5)
}

func TestSideBySide(t *testing.T) {
	t.Parallel()
	m := load(t, onnxtest.Colours(32), embedding.Settings{})
	j := photo.NewJudge(policy(), m)
	want := judge(t, j, people()[0][0]).Descriptor
	var group sync.WaitGroup
	got := make([]photo.Descriptor, 4)
	for i := range got {
		group.Go(func() { got[i] = judge(t, j, people()[0][0]).Descriptor })
	}
	group.Wait()
	for _, d := range got {
		require.Equal(t, want, d)
	}
}

// BenchmarkDescribe is what describing one face costs, with a network of MobileFaceNet's size and in the classical way;
// -cpu 1 for one core.
func BenchmarkDescribe(b *testing.B) {
	m, err := embedding.New(onnxtest.MobileFaceNet().Bytes(), embedding.Settings{})
	require.NoError(b, err)
	for name, d := range map[string]photo.Describer{"model": m, "classical": photo.Classical()} {
		b.Run(name, func(b *testing.B) {
			judge(b, photo.NewJudge(policy(), timed{d, b}), people()[0][0])
		})
	}
}

// timed describes again and again while the face is at hand.
type timed struct {
	photo.Describer

	b *testing.B
}

func (d timed) Describe(f photo.Aligned) (out photo.Descriptor, err error) {
	d.b.ReportAllocs()
	for d.b.Loop() {
		out, err = d.Describer.Describe(f)
	}
	return out, err
}

// The five points must come to lie where networks expect them.
func TestFaceLiesOnTheTemplate(t *testing.T) {
	t.Parallel()
	truth := [5]photo.Point{{X: 38.8, Y: 52.2}, {X: 74, Y: 52}, {X: 56.5, Y: 72.2}, {X: 42, Y: 92.9}, {X: 71.2, Y: 92.7}}
	const turn, scale = 0.4, 2.5
	c, s := scale*math.Cos(turn), scale*math.Sin(turn)
	var have [5]photo.Point
	for i, p := range truth {
		have[i] = photo.Point{X: c*p.X - s*p.Y + 31, Y: s*p.X + c*p.Y - 17}
	}
	m := embedding.Backwards(have, truth)
	for i, p := range truth {
		require.InDelta(t, have[i].X, m[0]*p.X+m[1]*p.Y+m[2], 1e-9)
		require.InDelta(t, have[i].Y, m[3]*p.X+m[4]*p.Y+m[5], 1e-9)
	}

	// A point that is off pulls the others by a part only, and nothing is mirrored.
	have[2].X += 20
	m = embedding.Backwards(have, truth)
	require.Positive(t, m[0]*m[4]-m[1]*m[3])
	require.InDelta(t, have[0].X, m[0]*truth[0].X+m[1]*truth[0].Y+m[2], 6)
}

// Whatever a face or a network brings to light, the worker goes on.
func TestPanicsStayInside(t *testing.T) {
	t.Parallel()
	m := load(t, onnxtest.Colours(32), embedding.Settings{})
	d, err := m.Describe(photo.Aligned{}) // a face without landmarks
	require.ErrorContains(t, err, "the face model cannot describe a face: ")
	require.Nil(t, d)
}

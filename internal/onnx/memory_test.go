package onnx_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/onnx"
	"github.com/inflio/persona/internal/onnx/onnxtest"
)

// What a run may overwrite is what it has computed itself: not the numbers of the model, by whatever way it gets them.
func TestTheModelStaysAsItIs(t *testing.T) {
	t.Parallel()
	sixteens := slices.Repeat([]float32{16}, side*side)
	constant := func(name string, value any) func(f *onnxtest.File) {
		return func(f *onnxtest.File) { f.Node("Constant", nil, "k", attr(name, value)) }
	}
	through := func(op string, from func(f *onnxtest.File), attrs ...onnxtest.Attr) func(f *onnxtest.File) {
		return func(f *onnxtest.File) {
			from(f)
			f.Node(op, []string{"k"}, "k", attrs...)
		}
	}
	weight := func(f *onnxtest.File) { f.Weight("k", onnxtest.Floats(sixteens, side, side)) }
	square := constant("value", onnxtest.Floats(sixteens, side, side))
	for name, build := range map[string]func(f *onnxtest.File){
		"weight":                weight,
		"value":                 square,
		"value without a shape": constant("value", onnxtest.Floats([]float32{16})),
		"value_float":           constant("value_float", float32(16)),
		"value_floats":          constant("value_floats", sixteens[:side]),
		"value_int":             constant("value_int", 16),
		"value_ints":            constant("value_ints", []int{16}),
		"weight, Identity":      through("Identity", weight),
		"weight, Dropout":       through("Dropout", weight),
		"weight, Reshape":       through("Reshape", weight, attr("shape", []int{1, side, side})),
		"value, Identity":       through("Identity", square),
		"value, Cast":           through("Cast", square),
		"value, Reshape":        through("Reshape", square, attr("shape", []int{1, side, side})),
		"value, Squeeze":        through("Squeeze", square),
		"value, Unsqueeze":      through("Unsqueeze", square, attr("axes", []int{0})),
		"value_floats, Flatten": through("Flatten", constant("value_floats", sixteens[:side]), attr("axis", 0)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := new(onnxtest.File).Input("x", 1, 1, 3, side, side)
			build(f)
			f.Node("Sqrt", []string{"k"}, "root").Node("Add", []string{"x", "root"}, "sum").
				Node("Flatten", []string{"sum"}, "out").Output("out")
			m, err := onnx.Load(f.Bytes())
			require.NoError(t, err)
			var got [4][2][]float32 // of goroutines side by side, with some runs each
			var group sync.WaitGroup
			for i := range got {
				group.Go(func() {
					for j := range got[i] {
						got[i][j], _ = m.Run(make([]float32, 3*side*side))
					}
				})
			}
			group.Wait()
			want := slices.Repeat([]float32{4}, 3*side*side)
			for _, runs := range got {
				require.Equal(t, [2][]float32{want, want}, runs)
			}
		})
	}
}

// The vector is the caller's, even where a network gives back what it was given or what it holds.
func TestTheVectorIsTheCallers(t *testing.T) {
	t.Parallel()
	numbers := onnxtest.Random(31, 1, 8)
	for name, build := range map[string]func(f *onnxtest.File){
		"picture": func(f *onnxtest.File) { f.Node("Flatten", []string{"x"}, "out") },
		"weight": func(f *onnxtest.File) {
			f.Weight("w", onnxtest.Floats(numbers, 1, 8)).Node("Identity", []string{"w"}, "out")
		},
		"constant": func(f *onnxtest.File) { f.Node("Constant", nil, "out", attr("value", onnxtest.Floats(numbers, 1, 8))) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := new(onnxtest.File).Input("x", 1, 1, 3, side, side)
			build(f)
			m, err := onnx.Load(f.Output("out").Bytes())
			require.NoError(t, err)
			x := onnxtest.Random(32, 1, 3*side*side)
			first, err := m.Run(x)
			require.NoError(t, err)
			want := slices.Clone(first)
			clear(first)
			second, err := m.Run(x)
			require.NoError(t, err)
			require.Equal(t, want, second)
		})
	}
}

// A picture that makes an operator panic is one that cannot be described; the next one can.
func TestPanicsStayInside(t *testing.T) {
	t.Parallel()
	m, err := onnx.Load(new(onnxtest.File).Input("x", 1, 1, 3, side, side).
		Node("Panic", []string{"x"}, "a").Node("Flatten", []string{"a"}, "out").Output("out").Bytes())
	require.NoError(t, err)
	x := make([]float32, 3*side*side)
	x[0] = onnx.Fatal
	out, err := m.Run(x)
	require.EqualError(t, err, "it cannot be run: fatal")
	require.Nil(t, out)
	x[0] = 1
	_, err = m.Run(x)
	require.NoError(t, err)
}

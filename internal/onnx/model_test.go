package onnx_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/onnx"
	"github.com/inflio/persona/internal/onnx/onnxtest"
)

// embedder is a network whose answer can be worked out by hand: a convolution of one pixel, an activation with a slope
// for each channel, the mean of each channel, and a dense layer.
func embedder(side int) (f *onnxtest.File, kernel, slope, dense, bias []float32) {
	kernel, slope = onnxtest.Random(1, 1, 4*3), onnxtest.Random(2, 1, 4)
	dense, bias = onnxtest.Random(3, 1, 5*4), onnxtest.Random(4, 1, 5)
	f = new(onnxtest.File).
		Input("picture", 1, 0, 3, side, side).
		Weight("kernel", onnxtest.Floats(kernel, 4, 3, 1, 1)).
		Weight("slope", onnxtest.Floats(slope, 4, 1, 1)).
		Weight("dense", onnxtest.Floats(dense, 5, 4)).
		Weight("bias", onnxtest.Floats(bias, 5)).
		Node("Conv", []string{"picture", "kernel"}, "a", attr("kernel_shape", []int{1, 1})).
		Node("PRelu", []string{"a", "slope"}, "b").
		Node("GlobalAveragePool", []string{"b"}, "c").
		Node("Flatten", []string{"c"}, "d").
		Node("Gemm", []string{"d", "dense", "bias"}, "vector", attr("transB", 1)).
		Output("vector")
	return f, kernel, slope, dense, bias
}

// byHand is what the embedder must answer.
func byHand(picture, kernel, slope, dense, bias []float32) []float32 {
	plane := len(picture) / 3
	var means [4]float64
	for c := range means {
		for i := range plane {
			var v float64
			for from := range 3 {
				v += float64(kernel[3*c+from]) * float64(picture[from*plane+i])
			}
			if v < 0 {
				v *= float64(slope[c])
			}
			means[c] += v / float64(plane)
		}
	}
	out := make([]float32, len(bias))
	for i := range out {
		v := float64(bias[i])
		for c := range means {
			v += float64(dense[4*i+c]) * means[c]
		}
		out[i] = float32(v)
	}
	return out
}

func TestRun(t *testing.T) {
	t.Parallel()
	f, kernel, slope, dense, bias := embedder(16)
	m, err := onnx.Load(f.Bytes())
	require.NoError(t, err)
	require.Equal(t, []int{16, 16, 5}, []int{m.Height, m.Width, m.Length})
	require.False(t, m.Normalises)
	picture := onnxtest.Random(5, 1, 3*16*16)
	kept := append([]float32{}, picture...)
	got, err := m.Run(picture)
	require.NoError(t, err)
	require.InDeltaSlice(t, byHand(picture, kernel, slope, dense, bias), got, 1e-4)
	require.Equal(t, kept, picture, "the picture is the caller's")

	_, err = m.Run(picture[1:])
	require.EqualError(t, err, "onnx: a picture has 768 values, not 767")
}

func TestRunSideBySide(t *testing.T) {
	t.Parallel()
	f, _, _, _, _ := embedder(32)
	m, err := onnx.Load(f.Bytes())
	require.NoError(t, err)
	pictures, want := make([][]float32, 8), make([][]float32, 8)
	for i := range pictures {
		pictures[i] = onnxtest.Random(uint64(i), 1, 3*32*32)
		want[i], err = m.Run(pictures[i])
		require.NoError(t, err)
	}
	got := make([][]float32, len(pictures))
	var group sync.WaitGroup
	for i := range pictures {
		group.Go(func() { got[i], _ = m.Run(pictures[i]) })
	}
	group.Wait()
	require.Equal(t, want, got)
}

// Old exporters list the weights among the inputs, too, and a network may have more outputs than the vector.
func TestLoadOldFiles(t *testing.T) {
	t.Parallel()
	f, _, _, _, _ := embedder(16)
	f.Input("kernel", 1, 4, 3, 1, 1).Input("bias", 1, 5).Output("d")
	m, err := onnx.Load(f.Bytes())
	require.NoError(t, err)
	require.Equal(t, 5, m.Length)
}

func TestNormalises(t *testing.T) {
	t.Parallel()
	head := func() *onnxtest.File {
		return new(onnxtest.File).Input("x", 1, 1, 3, 8, 8).Weight("k", onnxtest.Floats([]float32{0.5}, 1)).Output("out")
	}
	for name, c := range map[string]struct {
		f    *onnxtest.File
		want bool
	}{
		"shift first": {head().Node("Sub", []string{"x", "k"}, "a").Node("Flatten", []string{"a"}, "out"), true},
		"scale first": {head().Node("Mul", []string{"x", "k"}, "a").Node("Flatten", []string{"a"}, "out"), true},
		"neither":     {head().Node("Flatten", []string{"x"}, "out"), false},
		"used unshifted, too": {
			head().Node("Sub", []string{"x", "k"}, "a").Node("Relu", []string{"x"}, "b").
				Node("Add", []string{"a", "b"}, "c").Node("Flatten", []string{"c"}, "out"), false,
		},
	} {
		m, err := onnx.Load(c.f.Bytes())
		require.NoError(t, err, name)
		require.Equal(t, c.want, m.Normalises, name)
	}
}

// A network of real size: layers of all kinds behind each other, and numbers that stay within bounds.
func TestMobileFaceNet(t *testing.T) {
	t.Parallel()
	m, err := onnx.Load(onnxtest.MobileFaceNet().Bytes())
	require.NoError(t, err)
	require.Equal(t, []int{112, 112, 128}, []int{m.Height, m.Width, m.Length})
	first, err := m.Run(onnxtest.Random(1, 1, 3*112*112))
	require.NoError(t, err)
	second, err := m.Run(onnxtest.Random(2, 1, 3*112*112))
	require.NoError(t, err)
	require.NotEqual(t, first, second)
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	whole, _, _, _, _ := embedder(16)
	simple := func(kind int, shape ...int) *onnxtest.File {
		return new(onnxtest.File).Input("x", kind, shape...).Node("Flatten", []string{"x"}, "out").Output("out")
	}
	ordinary := func() *onnxtest.File { return new(onnxtest.File).Input("x", 1, 1, 3, 8, 8).Output("out") }
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"nothing", nil, "it is not an ONNX file, or only a part of one"},
		{"text", []byte("once upon a time there was a face"), "it is not an ONNX file, or only a part of one"},
		{"noise", noise(4096), "it is not an ONNX file, or only a part of one"},
		{"half", whole.Bytes()[:len(whole.Bytes())/2], "it is not an ONNX file, or only a part of one"},
		{"no graph", []byte{8, 7}, "it is not an ONNX file, or only a part of one"},
		{"bytes", simple(2, 1, 3, 8, 8).Bytes(), "its input is of uint8, not of floats"},
		{"grey", simple(1, 1, 1, 8, 8).Bytes(), "its input is [1 1 8 8], not a picture of [1 3 height width] with fixed height and width"},
		{"colours last", simple(1, 1, 8, 8, 3).Bytes(), "its input is [1 8 8 3], not a picture of [1 3 height width] with fixed height and width"},
		{"any size", simple(1, 1, 3, 0, 0).Bytes(), "its input is [1 3 0 0], not a picture of [1 3 height width] with fixed height and width"},
		{"batch", simple(1, 8, 3, 8, 8).Bytes(), "its input is [8 3 8 8], not a picture of [1 3 height width] with fixed height and width"},
		{"two pictures", simple(1, 1, 3, 8, 8).Input("y", 1, 1, 3, 8, 8).Bytes(), "it has 2 inputs, not one picture"},
		{"a picture out", ordinary().Node("Relu", []string{"x"}, "out").Bytes(), "it gives an array of [1 3 8 8] for a picture, not a vector of [1 N]"},
		{"a number out", ordinary().Node("ReduceMean", []string{"x"}, "out", attr("keepdims", 0)).Bytes(), "it gives a number for a picture, not a vector"},
		{"infinite", ordinary().Weight("o", onnxtest.Floats([]float32{0}, 1)).Node("Div", []string{"x", "o"}, "a").
			Node("Flatten", []string{"a"}, "out").Bytes(), "it gives numbers that are not finite"},
		{"unknown", ordinary().Node("Attention", []string{"x"}, "out").Bytes(), "it needs the operator Attention, which is not supported"},
		{"nothing makes it", ordinary().Node("Relu", []string{"y"}, "out").Bytes(), `its operator Relu needs "y", which nothing before it makes`},
		{"other output", new(onnxtest.File).Input("x", 1, 1, 3, 8, 8).Node("Relu", []string{"x"}, "a").Output("out").Bytes(), `its output "out" is made by nothing`},
		{
			"weights of bytes", ordinary().Weight("k", onnxtest.Array{Shape: []int{1}, Data: []float32{1}, Kind: 2}).Node("Add", []string{"x", "k"}, "out").Bytes(),
			"its weights are uint8, which cannot be used",
		},
		{
			"weights elsewhere", ordinary().Weight("k", onnxtest.Array{Shape: []int{1}, External: true}).Node("Add", []string{"x", "k"}, "out").Bytes(),
			"its weights lie in a file of their own: export it as one file",
		},
		{
			"weights too few", ordinary().Weight("k", onnxtest.Floats([]float32{1}, 2)).Node("Add", []string{"x", "k"}, "out").Bytes(),
			"it is not an ONNX file, or only a part of one",
		},
		{
			"weights too large", ordinary().Weight("k", onnxtest.Floats(nil, 1<<20, 1<<20)).Node("Add", []string{"x", "k"}, "out").Bytes(),
			"an array of [1048576 1048576] is too large",
		},
		{
			"kernels of another depth", ordinary().Weight("k", onnxtest.Floats(onnxtest.Random(1, 1, 4*5), 4, 5, 1, 1)).Node("Conv", []string{"x", "k"}, "out").Bytes(),
			"its operator Conv cannot be run: kernels of [4 5 1 1] in 1 groups do not fit [1 3 8 8]",
		},
		{
			"kernel too large", ordinary().Weight("k", onnxtest.Floats(onnxtest.Random(1, 1, 3*81), 1, 3, 9, 9)).Node("Conv", []string{"x", "k"}, "out").Bytes(),
			"its operator Conv cannot be run: a kernel of [9 9] does not fit into [1 3 8 8]",
		},
		{
			"kernels that see too much", new(onnxtest.File).Input("x", 1, 1, 3, 64, 64).Output("out").
				Weight("k", onnxtest.Floats(make([]float32, 3*64*64), 1, 3, 64, 64)).
				Node("Conv", []string{"x", "k"}, "out", attr("pads", []int{0, 3000, 0, 3000})).Bytes(),
			"its operator Conv cannot be run: an array of [12288 6001] is too large",
		},
		{
			"a bias of three dimensions", ordinary().Weight("a", onnxtest.Floats(make([]float32, 4), 2, 2)).
				Weight("b", onnxtest.Floats(make([]float32, 4), 2, 2, 1)).Node("Gemm", []string{"a", "a", "b"}, "out").Bytes(),
			"its operator Gemm cannot be run: [2 2 1] cannot be added to [2 2]",
		},
		{"an empty constant", ordinary().Node("Constant", nil, "out").Bytes(), "its operator Constant holds no numbers"},
		{
			"a panic", ordinary().Weight("k", onnxtest.Floats([]float32{onnx.Fatal}, 1)).Node("Panic", []string{"k"}, "out").Bytes(),
			"it cannot be run: fatal",
		},
		{"no weights", ordinary().Node("Conv", []string{"x"}, "out").Bytes(), "its operator Conv cannot be run: input 2 is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := onnx.Load(c.file)
			require.EqualError(t, err, c.want)
		})
	}
}

func noise(n int) []byte {
	out := make([]byte, n)
	for i, v := range onnxtest.Random(9, 128, n) {
		out[i] = byte(int(v) & 255)
	}
	return out
}

// Whatever the bytes, there is an answer soon, and no panic.
func FuzzLoad(f *testing.F) {
	whole, _, _, _, _ := embedder(8)
	f.Add(whole.Bytes())
	f.Add(whole.Bytes()[:100])
	for _, c := range operatorCases() {
		f.Add(c.file().Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := onnx.Load(data)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		out, err := m.Run(make([]float32, 3*m.Height*m.Width))
		if err == nil {
			require.Len(t, out, m.Length)
		}
	})
}

// BenchmarkRun is what one face costs with a network of MobileFaceNet's size; -cpu 1 for one core.
func BenchmarkRun(b *testing.B) {
	m, err := onnx.Load(onnxtest.MobileFaceNet().Bytes())
	require.NoError(b, err)
	picture := onnxtest.Random(1, 1, 3*m.Height*m.Width)
	b.ReportAllocs()
	for b.Loop() {
		_, err = m.Run(picture)
	}
	require.NoError(b, err)
}

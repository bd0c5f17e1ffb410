package onnx_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/onnx"
	"github.com/inflio/persona/internal/onnx/onnxtest"
)

// answer is what a network of weights alone gives: operators meet shapes that no picture has.
func answer(t *testing.T, f *onnxtest.File) []float32 {
	t.Helper()
	m, err := onnx.Load(f.Input("picture", 1, 1, 3, 8, 8).Output("out").Bytes())
	require.NoError(t, err)
	out, err := m.Run(make([]float32, 3*8*8))
	require.NoError(t, err)
	return out
}

// sizes is the shape that an operator with windows makes of one plane of in x in.
func sizes(t *testing.T, op string, in, kernel int, attrs ...onnxtest.Attr) []float32 {
	t.Helper()
	f := new(onnxtest.File).Weight("x", onnxtest.Floats(make([]float32, in*in), 1, 1, in, in))
	inputs := []string{"x"}
	if op == "Conv" {
		f.Weight("k", onnxtest.Floats(make([]float32, kernel*kernel), 1, 1, kernel, kernel))
		inputs = append(inputs, "k")
	}
	attrs = append(attrs, attr("kernel_shape", []int{kernel, kernel}))
	return answer(t, f.Node(op, inputs, "y", attrs...).Node("Shape", []string{"y"}, "out"))
}

func TestSizes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		op         string
		in, kernel int
		attrs      []onnxtest.Attr
		want       float32
	}{
		{"Conv", 16, 1, []onnxtest.Attr{attr("pads", []int{1, 1, 1, 1})}, 18},
		{"Conv", 16, 1, []onnxtest.Attr{attr("pads", []int{3, 3, 3, 3}), attr("strides", []int{2, 2})}, 11},
		{"Conv", 112, 3, []onnxtest.Attr{attr("pads", []int{1, 1, 1, 1}), attr("strides", []int{2, 2})}, 56},
		{"Conv", 1, 5, []onnxtest.Attr{attr("pads", []int{2, 2, 2, 2})}, 1},
		{"AveragePool", 16, 1, []onnxtest.Attr{attr("pads", []int{1, 1, 1, 1})}, 18},
		{"MaxPool", 4, 2, []onnxtest.Attr{attr("strides", []int{3, 3})}, 1},
		{"MaxPool", 4, 2, []onnxtest.Attr{attr("strides", []int{3, 3}), attr("ceil_mode", 1)}, 2},
		{"MaxPool", 3, 1, []onnxtest.Attr{attr("strides", []int{3, 3}), attr("ceil_mode", 1)}, 1},
		{"MaxPool", 3, 2, []onnxtest.Attr{attr("strides", []int{2, 2}), attr("pads", []int{1, 1, 1, 1}), attr("ceil_mode", 1)}, 2},
	} {
		require.Equal(t, []float32{1, 1, c.want, c.want}, sizes(t, c.op, c.in, c.kernel, c.attrs...), "%+v", c)
	}
}

// The formulas are those of the operators' specification, with its real numbers. Rounding up leaves out a window that
// begins in the padding behind the picture.
func TestSizesByFormula(t *testing.T) {
	t.Parallel()
	type choice struct{ kernel, stride, dilation int }
	var choices []choice
	for kernel := range 3 {
		for stride := range 3 {
			for dilation := range 2 {
				choices = append(choices, choice{kernel + 1, stride + 1, dilation + 1})
			}
		}
	}
	for _, in := range []int{5, 6, 16} {
		for _, c := range choices {
			common := []onnxtest.Attr{attr("strides", []int{c.stride, c.stride}), attr("dilations", []int{c.dilation, c.dilation})}
			reach, stride := float64((c.kernel-1)*c.dilation+1), float64(c.stride)
			for _, op := range []string{"Conv", "MaxPool", "AveragePool"} {
				check := func(want float64, attrs ...onnxtest.Attr) {
					got := sizes(t, op, in, c.kernel, append(attrs, common...)...)
					require.Equal(t, []float32{1, 1, float32(want), float32(want)}, got, "%s of %d, %+v, %v", op, in, c, attrs)
				}
				check(math.Ceil(float64(in)/stride), attr("auto_pad", "SAME_UPPER"))
				check(math.Ceil(float64(in)/stride), attr("auto_pad", "SAME_LOWER"))
				check(math.Ceil((float64(in)-reach+1)/stride), attr("auto_pad", "VALID"))
				for _, pad := range [][2]int{{0, 0}, {1, 1}, {0, 2}, {2, 1}} {
					pads := attr("pads", []int{pad[0], pad[0], pad[1], pad[1]})
					exact := (float64(in+pad[0]+pad[1])-reach)/stride + 1
					check(math.Floor(exact), pads)
					if op == "Conv" {
						continue
					}
					up := math.Ceil(exact)
					if (up-1)*stride >= float64(in+pad[0]) {
						up--
					}
					check(up, pads, attr("ceil_mode", 1))
				}
			}
		}
	}
}

// convolution is one of any shape; pairs are down and across.
type convolution struct {
	in, kernel, stride, dilation, before, after [2]int
	groups, from, to                            int // channels of a group
}

func (c convolution) out(axis int) int {
	return (c.in[axis]+c.before[axis]+c.after[axis]-(c.kernel[axis]-1)*c.dilation[axis]-1)/c.stride[axis] + 1
}

func (c convolution) fits() bool {
	for i := range 2 {
		if c.in[i]+c.before[i]+c.after[i] <= (c.kernel[i]-1)*c.dilation[i] {
			return false
		}
	}
	return true
}

// naive is the convolution as it is defined.
func (c convolution) naive(x, k []float32) []float32 {
	return places(c.groups*c.to, c.out(0), c.out(1), func(channel, y, col int) (sum float64) {
		for from := range c.from {
			plane := x[(channel/c.to*c.from+from)*c.in[0]*c.in[1]:]
			for i := range c.kernel[0] {
				for j := range c.kernel[1] {
					sy, sx := y*c.stride[0]+i*c.dilation[0]-c.before[0], col*c.stride[1]+j*c.dilation[1]-c.before[1]
					if sy >= 0 && sy < c.in[0] && sx >= 0 && sx < c.in[1] {
						sum += float64(k[((channel*c.from+from)*c.kernel[0]+i)*c.kernel[1]+j]) * float64(plane[sy*c.in[1]+sx])
					}
				}
			}
		}
		return sum
	})
}

func (c convolution) file(x, k []float32) *onnxtest.File {
	return new(onnxtest.File).
		Weight("x", onnxtest.Floats(x, 1, c.groups*c.from, c.in[0], c.in[1])).
		Weight("k", onnxtest.Floats(k, c.groups*c.to, c.from, c.kernel[0], c.kernel[1])).
		Node("Conv", []string{"x", "k"}, "y", attr("group", c.groups), attr("strides", c.stride[:]), attr("dilations", c.dilation[:]),
			attr("pads", []int{c.before[0], c.before[1], c.after[0], c.after[1]})).
		Node("Flatten", []string{"y"}, "out", attr("axis", 0))
}

// Small shapes have what large ones have not: kernels that lie in the padding with a part, or altogether.
func TestConvolutionsOfAllShapes(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(17, 1))
	two := func(least, most int) [2]int {
		return [2]int{least + r.IntN(most-least+1), least + r.IntN(most-least+1)}
	}
	cases := []convolution{{
		in: [2]int{1, 1}, kernel: [2]int{5, 5}, stride: [2]int{1, 1}, dilation: [2]int{1, 1}, before: [2]int{2, 2}, after: [2]int{2, 2},
		groups: 1, from: 2, to: 2,
	}}
	for len(cases) < 1000 {
		c := convolution{
			in: two(1, 7), kernel: two(1, 5), stride: two(1, 3), dilation: two(1, 2), before: two(0, 3), after: two(0, 3),
			groups: 1 + r.IntN(3), from: 1 + r.IntN(3), to: 2 + r.IntN(2),
		}
		if c.fits() {
			cases = append(cases, c)
		}
	}
	for i, c := range cases {
		x := onnxtest.Random(uint64(i), 1, c.groups*c.from*c.in[0]*c.in[1])
		k := onnxtest.Random(uint64(i)+1, 1, c.groups*c.to*c.from*c.kernel[0]*c.kernel[1])
		require.InDeltaSlice(t, c.naive(x, k), answer(t, c.file(x, k)), 1e-4, "%+v", c)
	}
}

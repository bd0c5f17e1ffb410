package onnx_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/onnx"
	"github.com/inflio/persona/internal/onnx/onnxtest"
)

const side = 8

// operatorCase is one operator on a picture of 3 x 8 x 8, and what it must make of it.
type operatorCase struct {
	name    string
	weights map[string]onnxtest.Array
	build   func(f *onnxtest.File) // from "x" to "y"
	want    func(x picture) []float32
}

func (c operatorCase) file() *onnxtest.File {
	f := new(onnxtest.File).Input("x", 1, 1, 3, side, side)
	for name, w := range c.weights {
		f.Weight(name, w)
	}
	c.build(f)
	return f.Node("Flatten", []string{"y"}, "out", attr("axis", 0)).Output("out")
}

// picture is the input as the expectations read it: 0 outside.
type picture []float32

func (p picture) at(c, y, x int) float64 {
	if y < 0 || y >= side || x < 0 || x >= side {
		return 0
	}
	return float64(p[(c*side+y)*side+x])
}

// each maps every value by itself.
func each(f func(v float64) float64) func(x picture) []float32 {
	return func(x picture) []float32 {
		out := make([]float32, len(x))
		for i, v := range x {
			out[i] = float32(f(float64(v)))
		}
		return out
	}
}

// places calls f for every place of n planes of h x w.
func places(n, h, w int, f func(c, y, x int) float64) []float32 {
	var out []float32
	for c := range n {
		for y := range h {
			for x := range w {
				out = append(out, float32(f(c, y, x)))
			}
		}
	}
	return out
}

func attr(name string, value any) onnxtest.Attr { return onnxtest.Attr{Name: name, Value: value} }

func one(op string, attrs ...onnxtest.Attr) func(f *onnxtest.File) {
	return func(f *onnxtest.File) { f.Node(op, []string{"x"}, "y", attrs...) }
}

func two(op string, attrs ...onnxtest.Attr) func(f *onnxtest.File) {
	return func(f *onnxtest.File) { f.Node(op, []string{"x", "k"}, "y", attrs...) }
}

func operatorCases() []operatorCase {
	kernel := onnxtest.Random(11, 1, 4*3*3*3)
	across := onnxtest.Random(12, 1, 6*9)
	channel := onnxtest.Random(13, 1, 3)
	column := onnxtest.Random(14, 1, side)
	// window sums a 3x3 kernel from k over a channel around (y, x).
	window := func(x picture, k []float32, from, y, col, step int) (sum float64) {
		for i := range 3 {
			for j := range 3 {
				sum += float64(k[3*i+j]) * x.at(from, y+(i-1)*step, col+(j-1)*step)
			}
		}
		return sum
	}
	dense := func(n int, stride, step int, bias []float32) func(x picture) []float32 {
		return func(x picture) []float32 {
			return places(4, n, n, func(c, y, col int) float64 {
				sum := 0.0
				if bias != nil {
					sum = float64(bias[c])
				}
				for from := range 3 {
					sum += window(x, kernel[(c*3+from)*9:], from, y*stride, col*stride, step)
				}
				return sum
			})
		}
	}
	withKernel := map[string]onnxtest.Array{"k": onnxtest.Floats(kernel, 4, 3, 3, 3), "b": onnxtest.Floats(onnxtest.Random(15, 1, 4), 4)}
	ones := []int{1, 1, 1, 1}
	return []operatorCase{
		{"Relu", nil, one("Relu"), each(func(v float64) float64 { return max(v, 0) })},
		{"LeakyRelu", nil, one("LeakyRelu", attr("alpha", float32(0.25))), each(func(v float64) float64 { return max(v, v/4) })},
		{"Sigmoid", nil, one("Sigmoid"), each(func(v float64) float64 { return 1 / (1 + math.Exp(-v)) })},
		{"Tanh", nil, one("Tanh"), each(math.Tanh)},
		{"HardSigmoid", nil, one("HardSigmoid"), each(func(v float64) float64 { return min(max(v/5+.5, 0), 1) })},
		{"HardSwish", nil, one("HardSwish"), each(func(v float64) float64 { return v * min(max(v/6+.5, 0), 1) })},
		{
			"Abs and Sqrt", nil, func(f *onnxtest.File) { f.Node("Abs", []string{"x"}, "a").Node("Sqrt", []string{"a"}, "y") },
			each(func(v float64) float64 { return math.Sqrt(math.Abs(v)) }),
		},
		{"Neg", nil, one("Neg"), each(func(v float64) float64 { return -v })},
		{
			"Clip, old", nil, one("Clip", attr("min", float32(-.5)), attr("max", float32(.25))),
			each(func(v float64) float64 { return min(max(v, -.5), .25) }),
		},
		{
			"Clip, new",
			map[string]onnxtest.Array{"low": onnxtest.Floats([]float32{0}), "high": onnxtest.Floats([]float32{.5})},
			func(f *onnxtest.File) { f.Node("Clip", []string{"x", "low", "high"}, "y") },
			each(func(v float64) float64 { return min(max(v, 0), .5) }),
		},
		{
			"Clip, above alone",
			map[string]onnxtest.Array{"high": onnxtest.Floats([]float32{.5})},
			func(f *onnxtest.File) { f.Node("Clip", []string{"x", "", "high"}, "y") }, each(func(v float64) float64 { return min(v, .5) }),
		},
		{"Dropout, Identity and Cast", nil, func(f *onnxtest.File) {
			f.Node("Dropout", []string{"x"}, "a", attr("ratio", float32(.5))).Node("Identity", []string{"a"}, "b").
				Node("Cast", []string{"b"}, "y", attr("to", 1))
		}, each(func(v float64) float64 { return v })},
		// In place, what others still need must not change.
		{"in place", nil, func(f *onnxtest.File) {
			f.Node("Neg", []string{"x"}, "a").Node("Identity", []string{"a"}, "b").Node("Relu", []string{"a"}, "c").
				Node("Add", []string{"b", "c"}, "y")
		}, each(func(v float64) float64 { return -v + max(-v, 0) })},
		{
			"itself twice", nil, func(f *onnxtest.File) { f.Node("Neg", []string{"x"}, "a").Node("Mul", []string{"a", "a"}, "y") },
			each(func(v float64) float64 { return v * v }),
		},

		{"PRelu", map[string]onnxtest.Array{"k": onnxtest.Floats(channel, 3, 1, 1)}, two("PRelu"), func(x picture) []float32 {
			return places(3, side, side, func(c, y, col int) float64 {
				v := x.at(c, y, col)
				return max(v, 0) + float64(channel[c])*min(v, 0)
			})
		}},
		{"Sub a channel", map[string]onnxtest.Array{"k": onnxtest.Floats(channel, 1, 3, 1, 1)}, two("Sub"), func(x picture) []float32 {
			return places(3, side, side, func(c, y, col int) float64 { return x.at(c, y, col) - float64(channel[c]) })
		}},
		{"Div by a column", map[string]onnxtest.Array{"k": onnxtest.Floats(column, side, 1)}, two("Div"), func(x picture) []float32 {
			return places(3, side, side, func(c, y, col int) float64 { return x.at(c, y, col) / float64(column[y]) })
		}},
		{"Mul a row", map[string]onnxtest.Array{"k": onnxtest.Floats(column, side)}, two("Mul"), func(x picture) []float32 {
			return places(3, side, side, func(c, y, col int) float64 { return x.at(c, y, col) * float64(column[col]) })
		}},
		{"Pow", map[string]onnxtest.Array{"k": onnxtest.Floats([]float32{2})}, two("Pow"), each(func(v float64) float64 { return v * v })},
		{
			"a smaller first operand",
			map[string]onnxtest.Array{"k": onnxtest.Floats(column, side)},
			func(f *onnxtest.File) { f.Node("Sub", []string{"k", "x"}, "y") }, func(x picture) []float32 {
				return places(3, side, side, func(c, y, col int) float64 { return float64(column[col]) - x.at(c, y, col) })
			},
		},
		{"weights of float64", map[string]onnxtest.Array{"k": {Shape: []int{1}, Data: []float32{.5}, Kind: 11}}, two("Add"), each(func(v float64) float64 { return v + .5 })},

		{
			"Conv", withKernel, func(f *onnxtest.File) { f.Node("Conv", []string{"x", "k", "b"}, "y", attr("pads", ones)) },
			dense(side, 1, 1, withKernel["b"].Data),
		},
		{"Conv, strides", withKernel, two("Conv", attr("pads", ones), attr("strides", []int{2, 2})), dense(4, 2, 1, nil)},
		{"Conv, dilations", withKernel, two("Conv", attr("pads", []int{2, 2, 2, 2}), attr("dilations", []int{2, 2})), dense(side, 1, 2, nil)},
		{"Conv, auto_pad", withKernel, two("Conv", attr("auto_pad", "SAME_LOWER")), dense(side, 1, 1, nil)},
		{"Conv, no padding", withKernel, two("Conv", attr("auto_pad", "VALID")), func(x picture) []float32 {
			return places(4, 6, 6, func(c, y, col int) (sum float64) {
				for from := range 3 {
					sum += window(x, kernel[(c*3+from)*9:], from, y+1, col+1, 1)
				}
				return sum
			})
		}},
		{
			"Conv, depthwise",
			map[string]onnxtest.Array{"k": onnxtest.Floats(across, 6, 1, 3, 3)},
			two("Conv", attr("pads", ones), attr("group", 3)), func(x picture) []float32 {
				return places(6, side, side, func(c, y, col int) float64 { return window(x, across[c*9:], c/2, y, col, 1) })
			},
		},
		{
			"Conv, depthwise with strides",
			map[string]onnxtest.Array{"k": onnxtest.Floats(across[:27], 3, 1, 3, 3)},
			two("Conv", attr("pads", ones), attr("group", 3), attr("strides", []int{2, 2})), func(x picture) []float32 {
				return places(3, 4, 4, func(c, y, col int) float64 { return window(x, across[c*9:], c, 2*y, 2*col, 1) })
			},
		},
		{"BatchNormalization", map[string]onnxtest.Array{
			"scale": onnxtest.Floats(channel, 3), "shift": onnxtest.Floats([]float32{1, 2, 3}, 3), "mean": onnxtest.Floats([]float32{.1, .2, .3}, 3),
			"variance": onnxtest.Floats([]float32{1, 4, .25}, 3),
		}, func(f *onnxtest.File) {
			f.Node("BatchNormalization", []string{"x", "scale", "shift", "mean", "variance"}, "y",
				attr("momentum", float32(.8)), attr("spatial", 1), attr("epsilon", float32(.001)))
		}, func(x picture) []float32 {
			variance := []float64{1, 4, .25}
			return places(3, side, side, func(c, y, col int) float64 {
				return (x.at(c, y, col)-.1*float64(c+1))/math.Sqrt(variance[c]+.001)*float64(channel[c]) + float64(c+1)
			})
		}},
		{"MaxPool", nil, one("MaxPool", attr("kernel_shape", []int{2, 2}), attr("strides", []int{2, 2})), func(x picture) []float32 {
			return places(3, 4, 4, func(c, y, col int) float64 {
				return max(x.at(c, 2*y, 2*col), x.at(c, 2*y+1, 2*col), x.at(c, 2*y, 2*col+1), x.at(c, 2*y+1, 2*col+1))
			})
		}},
		{
			"MaxPool, ceil_mode", nil, one("MaxPool", attr("kernel_shape", []int{3, 1}), attr("strides", []int{3, 8}), attr("ceil_mode", 1)),
			func(x picture) []float32 {
				return places(3, 3, 1, func(c, y, _ int) float64 {
					v := max(x.at(c, 3*y, 0), x.at(c, 3*y+1, 0))
					if y < 2 {
						v = max(v, x.at(c, 3*y+2, 0))
					}
					return v
				})
			},
		},
		{"AveragePool", nil, one("AveragePool", attr("kernel_shape", []int{1, 3}), attr("pads", []int{0, 1, 0, 1})), func(x picture) []float32 {
			return places(3, side, side, func(c, y, col int) float64 {
				n := 3.0
				if col == 0 || col == side-1 {
					n = 2
				}
				return (x.at(c, y, col-1) + x.at(c, y, col) + x.at(c, y, col+1)) / n
			})
		}},
		{"AveragePool, padding counted", nil, one("AveragePool", attr("kernel_shape", []int{1, 3}), attr("pads", []int{0, 1, 0, 1}),
			attr("count_include_pad", 1)), func(x picture) []float32 {
			return places(3, side, side, func(c, y, col int) float64 {
				return (x.at(c, y, col-1) + x.at(c, y, col) + x.at(c, y, col+1)) / 3
			})
		}},
		{"Pad", map[string]onnxtest.Array{"k": onnxtest.Wholes(0, 0, 1, 0, 0, 0, 0, 2)}, two("Pad"), func(x picture) []float32 {
			return places(3, side+1, side+2, func(c, y, col int) float64 { return x.at(c, y-1, col) })
		}},
		{"Transpose", nil, one("Transpose", attr("perm", []int{0, 2, 3, 1})), func(x picture) []float32 {
			return places(side, side, 3, func(y, col, c int) float64 { return x.at(c, y, col) })
		}},
		{"Concat", nil, func(f *onnxtest.File) {
			f.Node("Neg", []string{"x"}, "a").Node("Concat", []string{"x", "a"}, "y", attr("axis", -1))
		}, func(x picture) []float32 {
			return places(3, side, 2*side, func(c, y, col int) float64 {
				if col < side {
					return x.at(c, y, col)
				}
				return -x.at(c, y, col-side)
			})
		}},
		{"Gather", map[string]onnxtest.Array{"k": onnxtest.Wholes(2, 0, -1)}, two("Gather", attr("axis", 1)), func(x picture) []float32 {
			return places(3, side, side, func(c, y, col int) float64 { return x.at([]int{2, 0, 2}[c], y, col) })
		}},
		{"ReduceMean", nil, one("ReduceMean", attr("axes", []int{2, -1}), attr("keepdims", 0)), func(x picture) []float32 {
			return places(3, 1, 1, func(c, _, _ int) (sum float64) {
				for i := range side * side {
					sum += x.at(c, i/side, i%side) / (side * side)
				}
				return sum
			})
		}},
		{"ReduceSum with axes as an input", map[string]onnxtest.Array{"k": onnxtest.Wholes(1)}, two("ReduceSum"), func(x picture) []float32 {
			return places(1, side, side, func(_, y, col int) float64 { return x.at(0, y, col) + x.at(1, y, col) + x.at(2, y, col) })
		}},
		{"LpNormalization", nil, one("LpNormalization", attr("axis", 1)), func(x picture) []float32 {
			return places(3, side, side, func(c, y, col int) float64 {
				return x.at(c, y, col) / math.Sqrt(x.at(0, y, col)*x.at(0, y, col)+x.at(1, y, col)*x.at(1, y, col)+x.at(2, y, col)*x.at(2, y, col))
			})
		}},
		// What exporters write for x.view(x.shape[0], -1) and for dividing by the length.
		{"shape arithmetic", map[string]onnxtest.Array{"zero": {Data: []float32{0}, Kind: 7}}, func(f *onnxtest.File) {
			f.Node("Shape", []string{"x"}, "s").Node("Gather", []string{"s", "zero"}, "n").
				Node("Unsqueeze", []string{"n"}, "u", attr("axes", []int{0})).
				Node("Constant", nil, "rest", attr("value", onnxtest.Wholes(-1))).
				Node("Concat", []string{"u", "rest"}, "to", attr("axis", 0)).
				Node("Reshape", []string{"x", "to"}, "flat").
				Node("ReduceL2", []string{"flat"}, "l", attr("axes", []int{1})).
				Node("Shape", []string{"flat"}, "fs").Node("Expand", []string{"l", "fs"}, "ls").
				Node("Div", []string{"flat", "ls"}, "y")
		}, func(x picture) []float32 {
			sum := 0.0
			for _, v := range x {
				sum += float64(v) * float64(v)
			}
			return each(func(v float64) float64 { return v / math.Sqrt(sum) })(x)
		}},
		{"Squeeze", map[string]onnxtest.Array{"k": onnxtest.Wholes(0)}, two("Squeeze"), each(func(v float64) float64 { return v })},
		{
			"MatMul and Gemm",
			map[string]onnxtest.Array{"m": onnxtest.Floats(onnxtest.Random(16, 1, 3*64*2), 3*64, 2), "g": onnxtest.Floats([]float32{1, 2, 3, 4}, 2, 2), "c": onnxtest.Floats([]float32{7}, 1)},
			func(f *onnxtest.File) {
				f.Node("Flatten", []string{"x"}, "a").Node("MatMul", []string{"a", "m"}, "b").
					Node("Gemm", []string{"b", "g", "c"}, "y", attr("alpha", float32(2)), attr("beta", float32(3)))
			}, func(x picture) []float32 {
				m := onnxtest.Random(16, 1, 3*64*2)
				var b [2]float64
				for i, v := range x {
					b[0] += float64(v) * float64(m[2*i])
					b[1] += float64(v) * float64(m[2*i+1])
				}
				return []float32{float32(2*(b[0]*1+b[1]*3) + 21), float32(2*(b[0]*2+b[1]*4) + 21)}
			},
		},
	}
}

func TestOperators(t *testing.T) {
	t.Parallel()
	for _, c := range operatorCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, err := onnx.Load(c.file().Bytes())
			require.NoError(t, err)
			x := onnxtest.Random(21, 1, 3*side*side)
			for range 2 { // the second run must find the weights as they were
				got, err := m.Run(x)
				require.NoError(t, err)
				require.InDeltaSlice(t, c.want(x), got, 1e-4)
			}
		})
	}
}

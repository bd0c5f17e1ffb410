package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

func same(c *call) (tensor, error) { return c.arg(0) }

// each applies f to every element.
func (c *call) each(f func(v float32) float32) (tensor, error) {
	x, err := c.arg(0)
	if err != nil {
		return tensor{}, err
	}
	out := c.target()
	for i, v := range x.data {
		out.data[i] = f(v)
	}
	return out, nil
}

func relu(c *call) (tensor, error) { return c.within(0, float32(math.Inf(1))) }

// clip takes its limits from inputs, or from attributes in old files.
func clip(c *call) (tensor, error) {
	low, high := c.number("min", float32(math.Inf(-1))), c.number("max", float32(math.Inf(1)))
	if c.given(1) {
		low = c.in[1].data[0]
	}
	if c.given(2) {
		high = c.in[2].data[0]
	}
	return c.within(low, high)
}

func (c *call) within(low, high float32) (tensor, error) {
	x, err := c.arg(0)
	if err != nil {
		return tensor{}, err
	}
	out := c.target()
	for i, v := range x.data {
		out.data[i] = min(max(v, low), high)
	}
	return out, nil
}

func leakyRelu(c *call) (tensor, error) {
	alpha := c.number("alpha", 0.01)
	return c.each(func(v float32) float32 {
		if v < 0 {
			return v * alpha
		}
		return v
	})
}

func sigmoid(c *call) (tensor, error) {
	return c.each(func(v float32) float32 { return float32(1 / (1 + math.Exp(-float64(v)))) })
}

func tanh(c *call) (tensor, error) {
	return c.each(func(v float32) float32 { return float32(math.Tanh(float64(v))) })
}

func hardSigmoid(c *call) (tensor, error) {
	alpha, beta := c.number("alpha", 0.2), c.number("beta", 0.5)
	return c.each(func(v float32) float32 { return min(max(alpha*v+beta, 0), 1) })
}

func hardSwish(c *call) (tensor, error) {
	return c.each(func(v float32) float32 { return v * min(max(v/6+0.5, 0), 1) })
}

func sqrt(c *call) (tensor, error) {
	return c.each(func(v float32) float32 { return float32(math.Sqrt(float64(v))) })
}

func abs(c *call) (tensor, error) {
	return c.each(func(v float32) float32 { return float32(math.Abs(float64(v))) })
}

func neg(c *call) (tensor, error) { return c.each(func(v float32) float32 { return -v }) }

func add(c *call) (tensor, error) {
	return c.pairs(func(x, y float32) float32 { return x + y })
}

func sub(c *call) (tensor, error) {
	return c.pairs(func(x, y float32) float32 { return x - y })
}

func mul(c *call) (tensor, error) {
	return c.pairs(func(x, y float32) float32 { return x * y })
}

func div(c *call) (tensor, error) {
	return c.pairs(func(x, y float32) float32 { return x / y })
}

func pow(c *call) (tensor, error) {
	return c.pairs(func(x, y float32) float32 { return float32(math.Pow(float64(x), float64(y))) })
}

func prelu(c *call) (tensor, error) {
	return c.pairs(func(x, slope float32) float32 {
		if x < 0 {
			return x * slope
		}
		return x
	})
}

// expand repeats the first operand to the shape given by the second.
func expand(c *call) (tensor, error) {
	in, err := c.args(2)
	if err != nil {
		return tensor{}, err
	}
	to, err := in[1].wholes()
	if err != nil {
		return tensor{}, err
	}
	shape, err := joint(in[0].shape, to)
	if err != nil {
		return tensor{}, err
	}
	out, err := newTensor(shape...)
	if err == nil {
		broadcast(out, in[0], tensor{data: []float32{0}}, func(x, _ float32) float32 { return x })
	}
	return out, err
}

// pairs combines the first two inputs element by element, with broadcasting.
func (c *call) pairs(f func(x, y float32) float32) (tensor, error) {
	in, err := c.args(2)
	if err != nil {
		return tensor{}, err
	}
	shape, err := joint(in[0].shape, in[1].shape)
	if err != nil {
		return tensor{}, err
	}
	out := in[0]
	if !c.reuse || !slices.Equal(shape, out.shape) {
		if out, err = newTensor(shape...); err != nil {
			return tensor{}, err
		}
	}
	broadcast(out, in[0], in[1], f)
	return out, nil
}

// joint is the shape of two operands together. They are aligned at the end; sizes are equal, or one of them is 1.
func joint(a, b []int) ([]int, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	shape := slices.Clone(a)
	for i, d := range b {
		at := &shape[len(a)-len(b)+i]
		switch {
		case *at == d || d == 1:
		case *at == 1:
			*at = d
		default:
			return nil, fmt.Errorf("%v and %v do not go together", a, b)
		}
	}
	return shape, nil
}

// steps are the distances in memory between neighbours along each axis of the given shape; 0 where t repeats.
func (t tensor) steps(shape []int) []int {
	out := make([]int, len(shape))
	distance := 1
	for i := 1; i <= t.rank(); i++ {
		if d := t.shape[t.rank()-i]; d > 1 {
			out[len(shape)-i] = distance
			distance *= d
		}
	}
	return out
}

// broadcast fills out row by row. A row spans as many of the last axes as have constant steps in both operands.
func broadcast(out, x, y tensor, f func(x, y float32) float32) {
	if len(out.data) == 0 {
		return
	}
	sx, sy := x.steps(out.shape), y.steps(out.shape)
	axes, row, dx, dy := rowOf(out.shape, sx, sy)
	at := make([]int, axes)
	ox, oy := 0, 0
	for from := 0; from < len(out.data); from += row {
		dst := out.data[from : from+row]
		px, py := ox, oy
		for i := range dst {
			dst[i] = f(x.data[px], y.data[py])
			px += dx
			py += dy
		}
		for a := axes - 1; a >= 0; a-- {
			at[a]++
			ox += sx[a]
			oy += sy[a]
			if at[a] < out.shape[a] {
				break
			}
			ox -= at[a] * sx[a]
			oy -= at[a] * sy[a]
			at[a] = 0
		}
	}
}

// rowOf joins the last axes of a shape to one, as long as each operand has constant steps in them. It returns the number of
// axes left, the length of the row and the steps in it.
func rowOf(shape, sx, sy []int) (axes, row, dx, dy int) {
	axes, row = len(shape), 1
	for axes > 0 {
		a := axes - 1
		if shape[a] > 1 {
			if row == 1 {
				dx, dy = sx[a], sy[a]
			} else if sx[a] != dx*row || sy[a] != dy*row {
				break
			}
			row *= shape[a]
		}
		axes = a
	}
	return axes, row, dx, dy
}

// pad adds a border of one value around the picture.
func pad(c *call) (tensor, error) {
	x, err := c.arg(0)
	if err != nil {
		return tensor{}, err
	}
	if mode := c.attributes["mode"].text; mode != "" && mode != "constant" {
		return tensor{}, fmt.Errorf("mode %s is not known", mode)
	}
	value := c.number("value", 0)
	if c.given(2) {
		value = c.in[2].data[0]
	}
	var pads []int
	if c.given(1) {
		if pads, err = c.in[1].wholes(); err != nil {
			return tensor{}, err
		}
	} else if pads, err = c.wholes("pads", 2*x.rank(), 0); err != nil {
		return tensor{}, err
	}
	if len(pads) != 2*x.rank() || slices.Min(append(slices.Clone(pads), 0)) < 0 {
		return tensor{}, fmt.Errorf("pads are %v", pads)
	}
	shape := make([]int, x.rank())
	for a := range shape {
		if pads[a] > maxElements || pads[a+x.rank()] > maxElements {
			return tensor{}, errors.New("pads are too large")
		}
		shape[a] = x.shape[a] + pads[a] + pads[a+x.rank()]
	}
	out, err := newTensor(shape...)
	if err != nil {
		return tensor{}, err
	}
	for i := range out.data {
		out.data[i] = value
	}
	for i, v := range x.data { // pads are small and pictures are few: not worth a faster way
		at, scale := 0, 1
		for a := x.rank() - 1; a >= 0; a-- {
			at += (i%x.shape[a] + pads[a]) * scale
			i /= x.shape[a]
			scale *= shape[a]
		}
		out.data[at] = v
	}
	return out, nil
}

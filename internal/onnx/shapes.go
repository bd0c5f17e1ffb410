package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

func shape(c *call) (tensor, error) {
	x, err := c.arg(0)
	if err != nil {
		return tensor{}, err
	}
	out := tensor{shape: []int{x.rank()}, data: make([]float32, x.rank())}
	for i, d := range x.shape {
		out.data[i] = float32(d)
	}
	return out, nil
}

// view returns x with another shape of the same number of elements.
func (t tensor) view(shape ...int) (tensor, error) {
	n, err := elements(shape)
	if err == nil && n != len(t.data) {
		err = fmt.Errorf("%v cannot become %v", t.shape, shape)
	}
	return tensor{shape, t.data}, err
}

// reshape has two special sizes: 0 is that of the input, and -1 is computed from the others.
func reshape(c *call) (tensor, error) {
	x, err := c.arg(0)
	if err != nil {
		return tensor{}, err
	}
	var to []int
	if a, ok := c.attributes["shape"]; ok {
		for _, v := range a.wholes {
			to = append(to, int(v))
		}
	} else {
		t, err := c.arg(1)
		if err != nil {
			return tensor{}, err
		}
		if to, err = t.wholes(); err != nil {
			return tensor{}, err
		}
	}
	free, rest := -1, 1
	for i, d := range to {
		if d == 0 && c.whole("allowzero", 0) == 0 && i < x.rank() {
			d = x.shape[i]
			to[i] = d
		}
		switch {
		case d == -1 && free < 0:
			free = i
		case d <= 0 || d > maxElements || rest > maxElements:
			return tensor{}, fmt.Errorf("the shape %v is not possible", to)
		default:
			rest *= d
		}
	}
	if free >= 0 {
		to[free] = len(x.data) / rest
	}
	return x.view(to...)
}

func flatten(c *call) (tensor, error) {
	x, err := c.arg(0)
	if err != nil {
		return tensor{}, err
	}
	at := c.whole("axis", 1)
	if at < 0 {
		at += x.rank()
	}
	if at < 0 || at > x.rank() {
		return tensor{}, fmt.Errorf("there is no axis %d in %v", at, x.shape)
	}
	front, err := elements(x.shape[:at])
	if err != nil {
		return tensor{}, err
	}
	back, err := elements(x.shape[at:])
	if err != nil {
		return tensor{}, err
	}
	return x.view(front, back)
}

func squeeze(c *call) (tensor, error) {
	x, err := c.arg(0)
	if err != nil {
		return tensor{}, err
	}
	axes, err := c.axes(1, x.rank())
	if err != nil {
		return tensor{}, err
	}
	to := []int{}
	for i, d := range x.shape {
		if gone := slices.Contains(axes, i) || axes == nil && d == 1; !gone {
			to = append(to, d)
		}
	}
	return x.view(to...)
}

func unsqueeze(c *call) (tensor, error) {
	x, err := c.arg(0)
	if err != nil {
		return tensor{}, err
	}
	count := len(c.attributes["axes"].wholes)
	if c.given(1) {
		count = len(c.in[1].data)
	}
	axes, err := c.axes(1, x.rank()+count)
	if err != nil {
		return tensor{}, err
	}
	to := slices.Clone(x.shape)
	slices.Sort(axes)
	for _, a := range axes {
		if a > len(to) {
			return tensor{}, fmt.Errorf("axes are %v", axes)
		}
		to = slices.Insert(to, a, 1)
	}
	return x.view(to...)
}

func transpose(c *call) (tensor, error) {
	x, err := c.arg(0)
	if err != nil {
		return tensor{}, err
	}
	order := make([]int, x.rank())
	for i := range order {
		order[i] = x.rank() - 1 - i
	}
	if a, ok := c.attributes["perm"]; ok {
		if order, err = c.wholes("perm", len(a.wholes), 0); err != nil {
			return tensor{}, err
		}
	}
	seen := make([]bool, x.rank())
	to := make([]int, x.rank())
	steps := make([]int, x.rank())
	from := make([]int, x.rank())
	for i, distance := x.rank()-1, 1; i >= 0; i-- {
		from[i] = distance
		distance *= x.shape[i]
	}
	if len(order) != x.rank() {
		return tensor{}, fmt.Errorf("perm is %v for %v", order, x.shape)
	}
	for i, a := range order {
		if a >= x.rank() || seen[a] {
			return tensor{}, fmt.Errorf("perm is %v for %v", order, x.shape)
		}
		seen[a], to[i], steps[i] = true, x.shape[a], from[a]
	}
	out, err := newTensor(to...)
	if err != nil {
		return tensor{}, err
	}
	for i := range out.data {
		rest, at := i, 0
		for a, d := range slices.Backward(to) {
			at += rest % d * steps[a]
			rest /= d
		}
		out.data[i] = x.data[at]
	}
	return out, nil
}

func concat(c *call) (tensor, error) {
	in, err := c.args(max(1, len(c.in)))
	if err != nil {
		return tensor{}, err
	}
	at, err := axis(c.whole("axis", 0), in[0].rank())
	if err != nil {
		return tensor{}, err
	}
	to := slices.Clone(in[0].shape)
	to[at] = 0
	for _, x := range in {
		for a, d := range to {
			if x.rank() != len(to) || a != at && x.shape[a] != d {
				return tensor{}, fmt.Errorf("%v and %v cannot be put together", in[0].shape, x.shape)
			}
		}
		to[at] += x.shape[at]
	}
	out, err := newTensor(to...)
	if err != nil {
		return tensor{}, err
	}
	front, _ := elements(to[:at])
	offset := 0
	for i := range front {
		for _, x := range in {
			size := len(x.data) / front
			offset += copy(out.data[offset:], x.data[i*size:(i+1)*size])
		}
	}
	return out, nil
}

func gather(c *call) (tensor, error) {
	in, err := c.args(2)
	if err != nil {
		return tensor{}, err
	}
	x := in[0]
	at, err := axis(c.whole("axis", 0), x.rank())
	if err != nil {
		return tensor{}, err
	}
	wanted, err := in[1].wholes()
	if err != nil {
		return tensor{}, err
	}
	out, err := newTensor(slices.Concat(x.shape[:at], in[1].shape, x.shape[at+1:])...)
	if err != nil {
		return tensor{}, err
	}
	front, _ := elements(x.shape[:at])
	size, _ := elements(x.shape[at+1:])
	offset := 0
	for i := range front {
		for _, w := range wanted {
			if w, err = axis(w, x.shape[at]); err != nil {
				return tensor{}, err
			}
			from := (i*x.shape[at] + w) * size
			offset += copy(out.data[offset:], x.data[from:from+size])
		}
	}
	return out, nil
}

// constant returns the value of a node of the operator Constant. It belongs to the model.
func (n node) constant() (tensor, error) {
	for name, a := range n.attributes {
		switch name {
		case "value":
			if a.tensor != nil {
				return *a.tensor, nil
			}
		case "value_float":
			return tensor{data: []float32{a.number}}, nil
		case "value_int":
			return tensor{data: []float32{float32(a.whole)}}, nil
		case "value_floats":
			return tensor{[]int{len(a.numbers)}, a.numbers}, nil
		case "value_ints":
			t := tensor{shape: []int{len(a.wholes)}}
			for _, v := range a.wholes {
				t.data = append(t.data, float32(v))
			}
			return t, nil
		}
	}
	return tensor{}, errors.New("its operator Constant holds no numbers")
}

func reduceMean(c *call) (tensor, error) {
	return c.reduce(func(sum, _ float64, n int) float64 { return sum / float64(n) })
}

func reduceSum(c *call) (tensor, error) {
	return c.reduce(func(sum, _ float64, _ int) float64 { return sum })
}

func reduceL2(c *call) (tensor, error) {
	return c.reduce(func(_, squares float64, _ int) float64 { return math.Sqrt(squares) })
}

// reduce removes axes; finish gets the sum, the sum of squares and the number of the elements along them.
func (c *call) reduce(finish func(sum, squares float64, n int) float64) (tensor, error) {
	x, err := c.arg(0)
	if err != nil {
		return tensor{}, err
	}
	axes, err := c.axes(1, x.rank())
	if err != nil {
		return tensor{}, err
	}
	kept, small := slices.Clone(x.shape), []int{}
	for a := range kept {
		if axes == nil || slices.Contains(axes, a) {
			kept[a] = 1
		} else {
			small = append(small, kept[a])
		}
	}
	out, err := newTensor(kept...)
	if err != nil || len(out.data) == 0 || len(x.data) == 0 {
		return tensor{}, errors.Join(err, fmt.Errorf("nothing is left of %v", x.shape))
	}
	steps := out.steps(x.shape)
	sums, squares := make([]float64, len(out.data)), make([]float64, len(out.data))
	for i, v := range x.data {
		at := 0
		for a := x.rank() - 1; a >= 0; a-- {
			at += i % x.shape[a] * steps[a]
			i /= x.shape[a]
		}
		sums[at] += float64(v)
		squares[at] += float64(v) * float64(v)
	}
	for i := range out.data {
		out.data[i] = float32(finish(sums[i], squares[i], len(x.data)/len(out.data)))
	}
	if c.whole("keepdims", 1) == 0 {
		out.shape = small
	}
	return out, nil
}

// lpNormalization divides a vector by its length.
func lpNormalization(c *call) (tensor, error) {
	x, err := c.arg(0)
	if err != nil {
		return tensor{}, err
	}
	if c.whole("p", 2) != 2 {
		return tensor{}, errors.New("p is not 2")
	}
	at, err := axis(c.whole("axis", -1), x.rank())
	if err != nil {
		return tensor{}, err
	}
	inner := call{node: node{attributes: map[string]attribute{"axes": {wholes: []int64{int64(at)}}}}, in: []tensor{x}}
	length, err := reduceL2(&inner)
	if err != nil {
		return tensor{}, err
	}
	c.in = []tensor{x, length}
	return div(c)
}

package onnx

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
)

// matrix fails unless t has two dimensions.
func matrix(t tensor) (rows, columns int, err error) {
	if t.rank() != 2 || len(t.data) == 0 {
		return 0, 0, fmt.Errorf("%v is no matrix", t.shape)
	}
	return t.shape[0], t.shape[1], nil
}

// gemm is alpha a b + beta c.
func gemm(c *call) (tensor, error) {
	alpha, beta := c.number("alpha", 1), c.number("beta", 1)
	out, err := c.product(c.whole("transA", 0) != 0, c.whole("transB", 0) != 0, alpha)
	if err != nil || !c.given(2) {
		return out, err
	}
	if shape, err := joint(out.shape, c.in[2].shape); err != nil || len(shape) != 2 || shape[0] != out.shape[0] || shape[1] != out.shape[1] {
		return tensor{}, fmt.Errorf("%v cannot be added to %v", c.in[2].shape, out.shape)
	}
	broadcast(out, out, c.in[2], func(x, y float32) float32 { return x + beta*y })
	return out, nil
}

func matMul(c *call) (tensor, error) { return c.product(false, false, 1) }

// product multiplies two matrices.
func (c *call) product(transA, transB bool, alpha float32) (tensor, error) {
	in, err := c.args(2)
	if err != nil {
		return tensor{}, err
	}
	n, deep, err := matrix(in[0])
	if err != nil {
		return tensor{}, err
	}
	other, wide, err := matrix(in[1])
	if err != nil {
		return tensor{}, err
	}
	ta, tb := blas.NoTrans, blas.NoTrans
	if transA {
		n, deep, ta = deep, n, blas.Trans
	}
	if transB {
		other, wide, tb = wide, other, blas.Trans
	}
	if deep != other {
		return tensor{}, fmt.Errorf("%v and %v cannot be multiplied", in[0].shape, in[1].shape)
	}
	if err := c.spend(n, deep, wide); err != nil {
		return tensor{}, err
	}
	out, err := newTensor(n, wide)
	if err != nil {
		return tensor{}, err
	}
	blas32.Sgemm(ta, tb, n, wide, deep, alpha, in[0].data, in[0].shape[1], in[1].data, in[1].shape[1], 0, out.data, wide)
	return out, nil
}

// batchNormalization scales and shifts each channel by the learned values.
func batchNormalization(c *call) (tensor, error) {
	in, err := c.args(5)
	if err != nil {
		return tensor{}, err
	}
	x := in[0]
	if x.rank() < 2 || x.shape[0] != 1 || len(x.data) == 0 {
		return tensor{}, fmt.Errorf("its input is %v, not of [1 C ...]", x.shape)
	}
	channels := x.shape[1]
	for _, t := range in[1:] {
		if len(t.data) != channels {
			return tensor{}, fmt.Errorf("it has %v for %d channels", t.shape, channels)
		}
	}
	if c.whole("training_mode", 0) != 0 {
		return tensor{}, errors.New("the network was exported for training")
	}
	epsilon := float64(c.number("epsilon", 1e-5))
	out := c.target()
	plane := len(x.data) / channels
	for i := range channels {
		scale := float32(float64(in[1].data[i]) / math.Sqrt(float64(in[4].data[i])+epsilon))
		shift := in[2].data[i] - in[3].data[i]*scale
		src, dst := x.data[i*plane:(i+1)*plane], out.data[i*plane:(i+1)*plane]
		for j, v := range src {
			dst[j] = v*scale + shift
		}
	}
	return out, nil
}

func maxPool(c *call) (tensor, error) {
	return c.pool(func(w *window, plane []float32, y, wide [2]int) float32 {
		most := float32(math.Inf(-1))
		for r := y[0]; r < y[1]; r += w.dilation[0] {
			for col := wide[0]; col < wide[1]; col += w.dilation[1] {
				if r >= 0 && r < w.in[0] && col >= 0 && col < w.in[1] {
					most = max(most, plane[r*w.in[1]+col])
				}
			}
		}
		return most
	})
}

// averagePool leaves the padding out of the mean, unless count_include_pad says otherwise.
func averagePool(c *call) (tensor, error) {
	padded := c.whole("count_include_pad", 0) != 0
	return c.pool(func(w *window, plane []float32, y, wide [2]int) float32 {
		var sum float32
		n := 0
		for r := y[0]; r < y[1]; r += w.dilation[0] {
			for col := wide[0]; col < wide[1]; col += w.dilation[1] {
				inside := r >= 0 && r < w.in[0] && col >= 0 && col < w.in[1]
				if inside {
					sum += plane[r*w.in[1]+col]
				}
				if inside || padded && r < w.in[0]+w.after[0] && col < w.in[1]+w.after[1] {
					n++
				}
			}
		}
		return sum / float32(max(n, 1))
	})
}

// pool applies one to each window of each plane.
func (c *call) pool(one func(w *window, plane []float32, rows, columns [2]int) float32) (tensor, error) {
	x, err := c.arg(0)
	if err != nil {
		return tensor{}, err
	}
	kernel, err := c.wholes("kernel_shape", 2, 0)
	if err != nil {
		return tensor{}, err
	}
	w, err := c.newWindow(x, kernel)
	if err != nil {
		return tensor{}, err
	}
	if err := c.spend(x.shape[1], w.out[0], w.out[1], kernel[0], kernel[1]); err != nil {
		return tensor{}, err
	}
	out, err := newTensor(1, x.shape[1], w.out[0], w.out[1])
	if err != nil {
		return tensor{}, err
	}
	at := 0
	for channel := range x.shape[1] {
		plane := x.data[channel*w.in[0]*w.in[1]:]
		for y := range w.out[0] {
			top := y*w.stride[0] - w.before[0]
			rows := [2]int{top, top + (w.kernel[0]-1)*w.dilation[0] + 1}
			for col := range w.out[1] {
				left := col*w.stride[1] - w.before[1]
				out.data[at] = one(&w, plane, rows, [2]int{left, left + (w.kernel[1]-1)*w.dilation[1] + 1})
				at++
			}
		}
	}
	return out, nil
}

func globalAveragePool(c *call) (tensor, error) {
	x, err := c.arg(0)
	if err != nil {
		return tensor{}, err
	}
	if x.rank() != 4 || x.shape[0] != 1 || len(x.data) == 0 {
		return tensor{}, fmt.Errorf("its input is %v, not one picture of [1 C H W]", x.shape)
	}
	out := tensor{shape: []int{1, x.shape[1], 1, 1}, data: make([]float32, x.shape[1])}
	plane := len(x.data) / x.shape[1]
	for i := range out.data {
		var sum float64
		for _, v := range x.data[i*plane : (i+1)*plane] {
			sum += float64(v)
		}
		out.data[i] = float32(sum / float64(plane))
	}
	return out, nil
}

package onnx

import (
	"fmt"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

var blas32 gonum.Implementation

// window describes how a kernel moves over a picture, down and across.
type window struct {
	kernel, stride, dilation, before, after [2]int
	in, out                                 [2]int
}

// newWindow reads the attributes that convolutions and pooling share, for an input of [1 C H W].
func (c *call) newWindow(x tensor, kernel []int) (window, error) {
	w := window{}
	if x.rank() != 4 || x.shape[0] != 1 {
		return w, fmt.Errorf("its input is %v, not one picture of [1 C H W]", x.shape)
	}
	strides, err := c.wholes("strides", 2, 1)
	if err != nil {
		return w, err
	}
	dilations, err := c.wholes("dilations", 2, 1)
	if err != nil {
		return w, err
	}
	pads, err := c.wholes("pads", 4, 0)
	if err != nil {
		return w, err
	}
	auto, up := c.attributes["auto_pad"].text, c.whole("ceil_mode", 0) != 0
	for i := range 2 {
		w.kernel[i], w.stride[i], w.dilation[i], w.in[i] = kernel[i], strides[i], dilations[i], x.shape[2+i]
		w.before[i], w.after[i] = pads[i], pads[2+i]
		if w.kernel[i] < 1 || w.stride[i] < 1 || w.dilation[i] < 1 {
			return w, fmt.Errorf("a kernel of %v with strides %v cannot be", kernel, strides)
		}
		reach := (w.kernel[i]-1)*w.dilation[i] + 1
		switch auto {
		case "", "NOTSET":
		case "VALID":
			w.before[i], w.after[i] = 0, 0
		case "SAME_UPPER", "SAME_LOWER":
			all := max(0, ((w.in[i]+w.stride[i]-1)/w.stride[i]-1)*w.stride[i]+reach-w.in[i])
			w.before[i] = all / 2
			if auto == "SAME_LOWER" {
				w.before[i] = all - all/2
			}
			w.after[i] = all - w.before[i]
		default:
			return w, fmt.Errorf("auto_pad %s is not known", auto)
		}
		room := w.in[i] + w.before[i] + w.after[i] - reach
		if room < 0 || w.in[i] < 1 {
			return w, fmt.Errorf("a kernel of %v does not fit into %v", kernel, x.shape)
		}
		if up {
			room += w.stride[i] - 1
		}
		w.out[i] = room/w.stride[i] + 1
		// Rounding up must not add a window that lies entirely in the padding after the picture.
		if up && (w.out[i]-1)*w.stride[i] >= w.in[i]+w.before[i] {
			w.out[i]--
		}
	}
	return w, nil
}

// span returns the range of the output, along an axis, for which element k of the kernel lies inside the input; first is
// the index in the input for from.
func (w *window) span(axis, k int) (from, to, first int) {
	shift := k*w.dilation[axis] - w.before[axis]
	if shift < 0 {
		from = (-shift + w.stride[axis] - 1) / w.stride[axis]
	}
	if last := w.in[axis] - 1 - shift; last >= 0 {
		to = min(last/w.stride[axis]+1, w.out[axis])
	}
	from = min(from, to)
	return from, to, from*w.stride[axis] + shift
}

// conv convolves, each group of channels by itself.
func conv(c *call) (tensor, error) {
	in, err := c.args(2)
	if err != nil {
		return tensor{}, err
	}
	x, k := in[0], in[1]
	if k.rank() != 4 {
		return tensor{}, fmt.Errorf("its kernels are %v, not of two dimensions", k.shape)
	}
	w, err := c.newWindow(x, k.shape[2:])
	if err != nil {
		return tensor{}, err
	}
	groups := c.whole("group", 1)
	if groups < 1 || k.shape[1]*groups != x.shape[1] || k.shape[0]%groups != 0 || len(x.data) == 0 || len(k.data) == 0 {
		return tensor{}, fmt.Errorf("kernels of %v in %d groups do not fit %v", k.shape, groups, x.shape)
	}
	if err := c.spend(len(k.data), w.out[0], w.out[1]); err != nil {
		return tensor{}, err
	}
	out, err := newTensor(1, k.shape[0], w.out[0], w.out[1])
	if err != nil {
		return tensor{}, err
	}
	// The inputs of one row of the output are the least that multiply copies.
	if _, err := elements([]int{len(k.data) / k.shape[0], w.out[1]}); err != nil {
		return tensor{}, err
	}
	plane := w.out[0] * w.out[1]
	if c.given(2) {
		if len(c.in[2].data) != k.shape[0] {
			return tensor{}, fmt.Errorf("it has %d biases for %d kernels", len(c.in[2].data), k.shape[0])
		}
		for i, b := range c.in[2].data {
			fill(out.data[i*plane:(i+1)*plane], b)
		}
	}
	per, kernels := len(x.data)/groups, len(k.data)/groups
	var columns []float32
	for g := range groups {
		from, with := x.data[g*per:(g+1)*per], k.data[g*kernels:(g+1)*kernels]
		to := out.data[g*len(out.data)/groups : (g+1)*len(out.data)/groups]
		if k.shape[1] == 1 {
			w.depthwise(to, from, with)
		} else {
			columns = w.multiply(to, from, with, k.shape[0]/groups, columns)
		}
	}
	return out, nil
}

func fill(to []float32, v float32) {
	for i := range to {
		to[i] = v
	}
}

// depthwise adds the convolution of one plane with each kernel.
func (w *window) depthwise(to, from, kernels []float32) {
	size, plane := w.kernel[0]*w.kernel[1], w.out[0]*w.out[1]
	for n := range len(kernels) / size {
		for ky := range w.kernel[0] {
			y0, y1, sy := w.span(0, ky)
			for kx := range w.kernel[1] {
				x0, x1, sx := w.span(1, kx)
				if x0 == x1 {
					continue
				}
				v := kernels[n*size+ky*w.kernel[1]+kx]
				for y := y0; y < y1; y++ {
					src := from[(sy+(y-y0)*w.stride[0])*w.in[1]+sx:]
					blas32.Saxpy(x1-x0, v, src, w.stride[1], to[n*plane+y*w.out[1]+x0:], 1)
				}
			}
		}
	}
}

// multiply adds the convolution as a matrix product of the kernels and their inputs. The inputs are copied for some rows of
// the output at a time, so that they stay in the processor's cache.
func (w *window) multiply(to, from, kernels []float32, n int, columns []float32) []float32 {
	deep, plane := len(kernels)/n, w.out[0]*w.out[1]
	if w.kernel == [2]int{1, 1} && w.stride == [2]int{1, 1} && w.in == w.out {
		blas32.Sgemm(blas.NoTrans, blas.NoTrans, n, plane, deep, 1, kernels, deep, from, plane, 1, to, plane)
		return columns
	}
	const cached = 1 << 18 // floats
	rows := min(max(1, cached/(deep*w.out[1])), w.out[0])
	if size := deep * rows * w.out[1]; len(columns) < size {
		columns = make([]float32, size)
	}
	for top := 0; top < w.out[0]; top += rows {
		rows = min(rows, w.out[0]-top)
		wide := rows * w.out[1]
		w.lay(columns[:deep*wide], from, top, rows)
		blas32.Sgemm(blas.NoTrans, blas.NoTrans, n, wide, deep, 1, kernels, deep, columns, wide, 1, to[top*w.out[1]:], plane)
	}
	return columns
}

// lay writes the inputs of each channel and element of the kernel, for the output's rows from top on.
func (w *window) lay(columns, from []float32, top, rows int) {
	wide := rows * w.out[1]
	line := 0
	for channel := range len(from) / (w.in[0] * w.in[1]) {
		plane := from[channel*w.in[0]*w.in[1]:]
		for ky := range w.kernel[0] {
			y0, y1, sy := w.span(0, ky)
			for kx := range w.kernel[1] {
				x0, x1, sx := w.span(1, kx)
				dst := columns[line*wide : (line+1)*wide]
				line++
				clear(dst)
				if x0 == x1 { // all of it lies in the padding
					continue
				}
				for y := max(y0, top); y < min(y1, top+rows); y++ {
					row := dst[(y-top)*w.out[1]+x0 : (y-top)*w.out[1]+x1]
					src := plane[(sy+(y-y0)*w.stride[0])*w.in[1]:]
					if w.stride[1] == 1 {
						copy(row, src[sx:])
						continue
					}
					for i := range row {
						row[i] = src[sx+i*w.stride[1]]
					}
				}
			}
		}
	}
}

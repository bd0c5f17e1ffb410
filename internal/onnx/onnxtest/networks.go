package onnxtest

import (
	"fmt"
	"math"
)

// Colours is a network that gives the mean colour of a picture, as three numbers.
func Colours(side int) *File {
	return means(side).
		Node("Flatten", []string{"means"}, "vector").
		Output("vector")
}

// People is a network that tells people apart by their complexion and hair, for pixels from -1 to 1: the mean colour,
// seen from a middling one.
func People(side int) *File {
	return means(side).
		Weight("middling", Floats([]float32{0, -0.22, -0.35}, 3, 1, 1)).
		Node("Sub", []string{"means", "middling"}, "apart").
		Node("Flatten", []string{"apart"}, "vector").
		Output("vector")
}

func means(side int) *File {
	return new(File).Input("picture", 1, 0, 3, side, side).
		Node("GlobalAveragePool", []string{"picture"}, "means")
}

// MobileFaceNet is a network of the layers and sizes of MobileFaceNet (Chen et al. 2018: 112 x 112 pixels, 128 numbers,
// about 220 million multiplications and a million weights), with weights by chance.
func MobileFaceNet() *File {
	b := &builder{File: new(File).Input("picture", 1, 0, 3, 112, 112), last: "picture", channels: 3}
	b.conv(64, 3, 2, 1, true).conv(64, 3, 1, 64, true)
	for _, stage := range []struct{ expand, channels, repeat, stride int }{
		{2, 64, 5, 2}, {4, 128, 1, 2}, {2, 128, 6, 1}, {4, 128, 1, 2}, {2, 128, 2, 1},
	} {
		for i := range stage.repeat {
			wide, stride, before := b.channels*stage.expand, stage.stride, b.last
			if i > 0 {
				stride = 1
			}
			same := stride == 1 && b.channels == stage.channels
			b.conv(wide, 1, 1, 1, true).conv(wide, 3, stride, wide, true).conv(stage.channels, 1, 1, 1, false)
			if same {
				b.add("Add", before)
			}
		}
	}
	b.conv(512, 1, 1, 1, true)
	b.pad = -1
	b.conv(512, 7, 1, 512, false).conv(128, 1, 1, 1, false)
	b.Node("Flatten", []string{b.last}, "vector")
	return b.Output("vector")
}

// builder puts layers one behind the other.
type builder struct {
	*File

	last     string
	channels int
	count    int
	pad      int // -1: none, otherwise as much as keeps the size
}

func (b *builder) add(op, other string, attrs ...Attr) {
	b.count++
	out := fmt.Sprintf("v%d", b.count)
	b.Node(op, []string{b.last, other}, out, attrs...)
	b.last = out
}

// conv adds a convolution with weights that keep the numbers' size, and an activation.
func (b *builder) conv(channels, kernel, stride, groups int, active bool) *builder {
	pad := kernel / 2 * (1 + b.pad)
	per := b.channels / groups
	n := channels * per * kernel * kernel
	name := fmt.Sprintf("w%d", b.count)
	k := math.Sqrt(6 / float64(per*kernel*kernel))
	b.Weight(name, Floats(Random(uint64(n), k, n), channels, per, kernel, kernel))
	b.add("Conv", name, Attr{"kernel_shape", []int{kernel, kernel}}, Attr{"strides", []int{stride, stride}},
		Attr{"pads", []int{pad, pad, pad, pad}}, Attr{"group", groups})
	b.channels = channels
	if active {
		slope := fmt.Sprintf("s%d", b.count)
		b.Weight(slope, Floats(Random(uint64(channels), 0.25, channels), channels, 1, 1))
		b.add("PRelu", slope)
	}
	return b
}

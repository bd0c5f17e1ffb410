package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// maxElements bounds every tensor: 256 MB. The largest of the usual face networks has 13 million.
const maxElements = 1 << 26

// tensor is an array in row-major order. One without dimensions is a single number.
type tensor struct {
	shape []int
	data  []float32
}

func (t tensor) rank() int { return len(t.shape) }

// elements multiplies dimensions, and fails above maxElements.
func elements(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d < 0 || d > maxElements {
			return 0, fmt.Errorf("a size of %d is not possible", d)
		}
		if n *= d; n > maxElements {
			return 0, fmt.Errorf("an array of %v is too large", shape)
		}
	}
	return n, nil
}

func newTensor(shape ...int) (tensor, error) {
	n, err := elements(shape)
	if err != nil {
		return tensor{}, err
	}
	return tensor{shape, make([]float32, n)}, nil
}

// wholes are the elements as whole numbers, for shapes and axes.
func (t tensor) wholes() ([]int, error) {
	out := make([]int, len(t.data))
	for i, v := range t.data {
		if v != float32(int32(v)) {
			return nil, fmt.Errorf("%v stands where a whole number is needed", v)
		}
		out[i] = int(v)
	}
	return out, nil
}

// Numbers of TensorProto.DataType.
const (
	kindFloat   = 1
	kindInt32   = 6
	kindInt64   = 7
	kindFloat16 = 10
	kindDouble  = 11
)

var kindNames = map[int64]string{
	2: "uint8", 3: "int8", 4: "uint16", 5: "int16", kindInt32: "int32", kindInt64: "int64", 8: "text", 9: "bool",
	kindFloat16: "float16", kindDouble: "float64", 16: "bfloat16",
}

func kindName(kind int64) string {
	if name, ok := kindNames[kind]; ok {
		return name
	}
	return fmt.Sprintf("kind %d", kind)
}

// parseTensor reads a TensorProto.
func parseTensor(b []byte) (string, tensor, error) {
	var (
		name         string
		kind         int64
		dims, wholes []int64
		floats       []float32
		raw          []byte
		t            tensor
	)
	err := eachField(b, func(f field) error {
		switch f.number {
		case 1:
			return f.wholes(&dims)
		case 2:
			kind = f.signed()
		case 4:
			return f.floats(&floats)
		case 5, 7:
			return f.wholes(&wholes)
		case 8:
			name = string(f.bytes)
		case 9:
			raw = f.bytes
		case 13, 14:
			if f.number == 13 || f.whole != 0 {
				return errors.New("its weights lie in a file of their own: export it as one file")
			}
		}
		return nil
	})
	if err != nil {
		return "", tensor{}, err
	}
	t.shape = make([]int, len(dims))
	for i, d := range dims {
		t.shape[i] = int(d)
	}
	n, err := elements(t.shape)
	if err != nil {
		return "", tensor{}, err
	}
	switch {
	case raw != nil:
		t.data, err = decodeRaw(raw, kind)
	case kind == kindFloat:
		t.data = floats
	case kind == kindInt64 || kind == kindInt32:
		for _, v := range wholes {
			t.data = append(t.data, float32(v))
		}
	case n > 0:
		err = fmt.Errorf("its weights are %s, which cannot be used", kindName(kind))
	}
	if err == nil && len(t.data) != n {
		err = errWire
	}
	return name, t, err
}

// decodeRaw reads little-endian numbers.
func decodeRaw(raw []byte, kind int64) ([]float32, error) {
	size, read := 4, func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }
	switch kind {
	case kindFloat:
	case kindFloat16:
		size, read = 2, func(b []byte) float32 { return float16(binary.LittleEndian.Uint16(b)) }
	case kindDouble:
		size, read = 8, func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) }
	case kindInt32:
		read = func(b []byte) float32 { return float32(int32(binary.LittleEndian.Uint32(b))) }
	case kindInt64:
		size, read = 8, func(b []byte) float32 { return float32(int64(binary.LittleEndian.Uint64(b))) }
	default:
		return nil, fmt.Errorf("its weights are %s, which cannot be used", kindName(kind))
	}
	if len(raw)%size != 0 {
		return nil, errWire
	}
	out := make([]float32, len(raw)/size)
	for i := range out {
		out[i] = read(raw[i*size:])
	}
	return out, nil
}

// float16 widens an IEEE 754 half.
func float16(h uint16) float32 {
	exponent, fraction := int(h>>10&31), float64(h&1023)
	v := math.Ldexp(1+fraction/1024, exponent-15)
	switch exponent {
	case 0:
		v = math.Ldexp(fraction/1024, -14)
	case 31:
		v = math.Inf(1)
		if fraction != 0 {
			v = math.NaN()
		}
	}
	if h>>15 != 0 {
		v = -v
	}
	return float32(v)
}

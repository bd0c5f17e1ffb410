// Package onnxtest writes small ONNX files, so that no test needs a network of somebody's.
package onnxtest

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"google.golang.org/protobuf/encoding/protowire"
)

// File writes ONNX files. The numbers are the field numbers of onnx.proto.
type File struct{ nodes, rest []byte }

func message(to []byte, field protowire.Number, body []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(to, field, protowire.BytesType), body)
}

func varint(to []byte, field protowire.Number, v int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(to, field, protowire.VarintType), uint64(v))
}

func text(to []byte, field protowire.Number, s string) []byte { return message(to, field, []byte(s)) }

// Attr is an attribute: a float32, an int, a string, a list of either number or a tensor.
type Attr struct {
	Name  string
	Value any
}

func (a Attr) encode() []byte {
	b := text(nil, 1, a.Name)
	switch v := a.Value.(type) {
	case float32:
		b = protowire.AppendFixed32(protowire.AppendTag(b, 2, protowire.Fixed32Type), math.Float32bits(v))
	case int:
		b = varint(b, 3, v)
	case string:
		b = text(b, 4, v)
	case []int:
		for _, one := range v {
			b = varint(b, 8, one)
		}
	case []float32:
		for _, one := range v {
			b = protowire.AppendFixed32(protowire.AppendTag(b, 7, protowire.Fixed32Type), math.Float32bits(one))
		}
	case Array:
		b = message(b, 5, v.encode(""))
	}
	return b
}

// Array is a tensor. Its kind is that of TensorProto.DataType; 0 is 32-bit floats.
type Array struct {
	Shape    []int
	Data     []float32
	Kind     int
	External bool // the data lies in another file
}

func (a Array) encode(name string) []byte {
	var b, raw []byte
	for _, d := range a.Shape {
		b = varint(b, 1, d)
	}
	for _, v := range a.Data {
		switch a.Kind {
		case 7:
			raw = binary.LittleEndian.AppendUint64(raw, uint64(int64(v)))
		case 11:
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(float64(v)))
		default:
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
	}
	kind := a.Kind
	if kind == 0 {
		kind = 1
	}
	b = text(varint(b, 2, kind), 8, name)
	if a.External {
		return varint(b, 14, 1)
	}
	return message(b, 9, raw)
}

// Floats is an array of 32-bit floats.
func Floats(data []float32, shape ...int) Array { return Array{Shape: shape, Data: data} }

// Wholes is a list of 64-bit whole numbers, such as a shape.
func Wholes(data ...float32) Array { return Array{Shape: []int{len(data)}, Data: data, Kind: 7} }

// Weight adds an initializer.
func (f *File) Weight(name string, a Array) *File {
	f.rest = message(f.rest, 5, a.encode(name))
	return f
}

// Node adds an operator.
func (f *File) Node(op string, in []string, out string, attrs ...Attr) *File {
	var b []byte
	for _, name := range in {
		b = text(b, 1, name)
	}
	b = text(text(b, 2, out), 4, op)
	for _, a := range attrs {
		b = message(b, 5, a.encode())
	}
	f.nodes = message(f.nodes, 1, b)
	return f
}

// value is a ValueInfoProto of some kind of numbers; a size of 0 is written as a name.
func value(name string, kind int, shape ...int) []byte {
	var dims []byte
	for _, d := range shape {
		dim := varint(nil, 1, d)
		if d == 0 {
			dim = text(nil, 2, "batch")
		}
		dims = message(dims, 1, dim)
	}
	tensor := message(varint(nil, 1, kind), 2, dims)
	return message(text(nil, 1, name), 2, message(nil, 1, tensor))
}

// Input adds an input of a kind of numbers (1 for floats) and a shape; a size of 0 is left open.
func (f *File) Input(name string, kind int, shape ...int) *File {
	f.rest = message(f.rest, 11, value(name, kind, shape...))
	return f
}

// Output names an output.
func (f *File) Output(name string) *File {
	f.rest = message(f.rest, 12, value(name, 1, 1, 0))
	return f
}

// Bytes is the whole file.
func (f *File) Bytes() []byte {
	return message(varint(nil, 1, 7), 7, append(append([]byte{}, f.nodes...), f.rest...))
}

// Random makes numbers between -k and k.
func Random(seed uint64, k float64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]float32, n)
	for i := range out {
		out[i] = float32((2*r.Float64() - 1) * k)
	}
	return out
}

package onnx

import (
	"errors"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The parts of onnx.proto that are read; the numbers in this file are its field numbers.
type (
	graph struct {
		nodes           []node
		weights         map[string]tensor
		inputs, outputs []value
	}
	node struct {
		op, domain      string
		inputs, outputs []string
		attributes      map[string]attribute
	}
	attribute struct {
		number  float32
		whole   int64
		text    string
		tensor  *tensor
		numbers []float32
		wholes  []int64
	}
	value struct {
		name  string
		kind  int64   // of TensorProto.DataType
		shape []int64 // 0 where the file leaves it open
		has   bool    // the file tells the shape
	}
)

var errWire = errors.New("it is not an ONNX file, or only a part of one")

// field is one field of a message.
type field struct {
	number int
	kind   protowire.Type
	whole  uint64 // of a varint or of fixed size
	bytes  []byte
}

// eachField calls what for every field of a message.
func eachField(b []byte, what func(f field) error) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errWire
		}
		b = b[n:]
		f := field{number: int(number), kind: kind}
		switch kind {
		case protowire.VarintType:
			f.whole, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			f.whole = uint64(v)
		case protowire.Fixed64Type:
			f.whole, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(b)
		default:
			return errWire // there is nothing else in onnx.proto
		}
		if n < 0 {
			return errWire
		}
		b = b[n:]
		if err := what(f); err != nil {
			return err
		}
	}
	return nil
}

// wholes adds a repeated integer field, packed or not.
func (f field) wholes(to *[]int64) error {
	if f.kind == protowire.VarintType {
		*to = append(*to, f.signed())
		return nil
	}
	for b := f.bytes; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return errWire
		}
		*to = append(*to, int64(v))
		b = b[n:]
	}
	return nil
}

// floats adds a repeated float field, packed or not.
func (f field) floats(to *[]float32) error {
	if f.kind == protowire.Fixed32Type {
		*to = append(*to, f.float())
		return nil
	}
	for b := f.bytes; len(b) > 0; {
		v, n := protowire.ConsumeFixed32(b)
		if n < 0 {
			return errWire
		}
		*to = append(*to, math.Float32frombits(v))
		b = b[n:]
	}
	return nil
}

func (f field) float() float32 { return math.Float32frombits(uint32(f.whole)) }

func (f field) signed() int64 { return int64(f.whole) }

// parse reads a ModelProto.
func parse(file []byte) (*graph, error) {
	g := &graph{weights: map[string]tensor{}}
	found := false
	err := eachField(file, func(f field) error {
		if f.number != 7 {
			return nil
		}
		found = true
		return eachField(f.bytes, g.field)
	})
	if err == nil && (!found || len(g.nodes) == 0) {
		err = errWire
	}
	return g, err
}

func (g *graph) field(f field) error {
	switch f.number {
	case 1:
		n, err := parseNode(f.bytes)
		g.nodes = append(g.nodes, n)
		return err
	case 5:
		name, t, err := parseTensor(f.bytes)
		g.weights[name] = t
		return err
	case 11:
		return appendValue(&g.inputs, f.bytes)
	case 12:
		return appendValue(&g.outputs, f.bytes)
	case 15:
		return errors.New("it has sparse weights, which cannot be used")
	}
	return nil
}

func parseNode(b []byte) (node, error) {
	n := node{attributes: map[string]attribute{}}
	err := eachField(b, func(f field) error {
		switch f.number {
		case 1:
			n.inputs = append(n.inputs, string(f.bytes))
		case 2:
			n.outputs = append(n.outputs, string(f.bytes))
		case 4:
			n.op = string(f.bytes)
		case 5:
			return parseAttribute(f.bytes, n.attributes)
		case 7:
			n.domain = string(f.bytes)
		}
		return nil
	})
	return n, err
}

func parseAttribute(b []byte, to map[string]attribute) error {
	name, a := "", attribute{}
	err := eachField(b, func(f field) error {
		switch f.number {
		case 1:
			name = string(f.bytes)
		case 2:
			a.number = f.float()
		case 3:
			a.whole = f.signed()
		case 4:
			a.text = string(f.bytes)
		case 5:
			_, t, err := parseTensor(f.bytes)
			a.tensor = &t
			return err
		case 7:
			return f.floats(&a.numbers)
		case 8:
			return f.wholes(&a.wholes)
		}
		return nil
	})
	to[name] = a
	return err
}

// appendValue reads a ValueInfoProto: name, then a TypeProto with a Tensor with a TensorShapeProto.
func appendValue(to *[]value, b []byte) error {
	v := value{}
	err := eachField(b, func(f field) error {
		switch f.number {
		case 1:
			v.name = string(f.bytes)
		case 2:
			return eachField(f.bytes, func(f field) error {
				if f.number != 1 {
					return nil
				}
				return eachField(f.bytes, v.tensorType)
			})
		}
		return nil
	})
	*to = append(*to, v)
	return err
}

func (v *value) tensorType(f field) error {
	switch f.number {
	case 1:
		v.kind = f.signed()
	case 2:
		v.has = true
		return eachField(f.bytes, func(f field) error {
			if f.number != 1 {
				return nil
			}
			size := int64(0)
			err := eachField(f.bytes, func(f field) error {
				if f.number == 1 {
					size = f.signed()
				}
				return nil
			})
			v.shape = append(v.shape, size)
			return err
		})
	}
	return nil
}

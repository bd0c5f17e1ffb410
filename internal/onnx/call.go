package onnx

import (
	"errors"
	"fmt"
)

// operator computes the first output of a node. The result may share the data of an input.
type operator func(c *call) (tensor, error)

// call is one run of an operator.
type call struct {
	node
	in    []tensor // one without data for an input that is left out
	reuse bool     // the data of the first input may be overwritten
	work  *int     // multiplications so far in this run
}

// operators lists the operators of face embedding networks. ONNX has more.
var operators = map[string]operator{
	"Conv": conv, "Gemm": gemm, "MatMul": matMul, "BatchNormalization": batchNormalization,
	"MaxPool": maxPool, "AveragePool": averagePool, "GlobalAveragePool": globalAveragePool,

	"Identity": same, "Dropout": same, "Cast": same,
	"Relu": relu, "PRelu": prelu, "LeakyRelu": leakyRelu, "Clip": clip, "Sigmoid": sigmoid, "Tanh": tanh,
	"HardSigmoid": hardSigmoid, "HardSwish": hardSwish, "Sqrt": sqrt, "Abs": abs, "Neg": neg,
	"Add": add, "Sub": sub, "Mul": mul, "Div": div, "Pow": pow, "Expand": expand, "Pad": pad,

	"Shape": shape, "Reshape": reshape, "Flatten": flatten, "Squeeze": squeeze, "Unsqueeze": unsqueeze,
	"Transpose": transpose, "Concat": concat, "Gather": gather,
	"ReduceMean": reduceMean, "ReduceSum": reduceSum, "ReduceL2": reduceL2, "LpNormalization": lpNormalization,
}

// name is the name of the operator, with its domain unless it is ONNX's own.
func (n node) name() string {
	if n.domain == "" || n.domain == "ai.onnx" {
		return n.op
	}
	return n.domain + "." + n.op
}

func (n node) operator() (operator, error) {
	if run, ok := operators[n.name()]; ok {
		return run, nil
	}
	return nil, fmt.Errorf("it needs the operator %s, which is not supported", n.name())
}

// arg returns an input that is required.
func (c *call) arg(i int) (tensor, error) {
	if i >= len(c.in) || len(c.in[i].data) == 0 {
		return tensor{}, fmt.Errorf("input %d is missing", i+1)
	}
	return c.in[i], nil
}

// args returns the first n inputs, which are required.
func (c *call) args(n int) ([]tensor, error) {
	for i := range n {
		if _, err := c.arg(i); err != nil {
			return nil, err
		}
	}
	return c.in[:n], nil
}

func (c *call) given(i int) bool { return i < len(c.in) && len(c.in[i].data) > 0 }

// target returns the tensor for the result of an operator that keeps the shape of its first input.
func (c *call) target() tensor {
	if c.reuse {
		return c.in[0]
	}
	return tensor{c.in[0].shape, make([]float32, len(c.in[0].data))}
}

func (c *call) number(name string, otherwise float32) float32 {
	if a, ok := c.attributes[name]; ok {
		return a.number
	}
	return otherwise
}

func (c *call) whole(name string, otherwise int) int {
	if a, ok := c.attributes[name]; ok {
		return int(a.whole)
	}
	return otherwise
}

// wholes returns an attribute of n integers. If it is missing, each is otherwise.
func (c *call) wholes(name string, n, otherwise int) ([]int, error) {
	out := make([]int, n)
	a, ok := c.attributes[name]
	if ok && len(a.wholes) != n {
		return nil, fmt.Errorf("%s has %d numbers, not %d", name, len(a.wholes), n)
	}
	for i := range out {
		out[i] = otherwise
		if ok {
			if a.wholes[i] < 0 || a.wholes[i] > maxElements {
				return nil, fmt.Errorf("%s is %v", name, a.wholes)
			}
			out[i] = int(a.wholes[i])
		}
	}
	return out, nil
}

// axes returns the axes of an operator, which are an attribute in old files and an input in new ones, as indexes from the
// front.
func (c *call) axes(input, rank int) ([]int, error) {
	var axes []int
	if a, ok := c.attributes["axes"]; ok {
		for _, v := range a.wholes {
			axes = append(axes, int(v))
		}
	} else if c.given(input) {
		var err error
		if axes, err = c.in[input].wholes(); err != nil {
			return nil, err
		}
	}
	for i, a := range axes {
		var err error
		if axes[i], err = axis(a, rank); err != nil {
			return nil, err
		}
	}
	return axes, nil
}

// axis converts a negative axis to an index from the front.
func axis(a, rank int) (int, error) {
	if a < -rank || a >= rank {
		return 0, fmt.Errorf("there is no axis %d in %d", a, rank)
	}
	return (a + rank) % rank, nil
}

// spend counts the multiplications of a run, and fails above a limit. The largest face networks need 25e9.
func (c *call) spend(factors ...int) error {
	const most = 200e9
	n := 1.0
	for _, f := range factors {
		n *= float64(f)
	}
	if n > most || float64(*c.work)+n > most {
		return errors.New("it takes too long")
	}
	*c.work += int(n)
	return nil
}

package onnx

// Fatal is the first value of an input with which the operator Panic panics; it returns every other one as it is.
const Fatal = 7

func init() {
	operators["Panic"] = func(c *call) (tensor, error) {
		if c.in[0].data[0] == Fatal {
			panic("fatal")
		}
		return c.in[0], nil
	}
}

package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Model is a loaded network. It is safe for concurrent use.
type Model struct {
	Height, Width int // of the picture it takes
	Length        int // of the vector it gives

	// Normalises is true if the network itself shifts and scales its input first, so that its input is pixels of 0 to 255.
	Normalises bool

	steps   []step
	weights []tensor // by slot; slots of computed values are empty
	in, out int      // slots
}

// step computes one slot from others.
type step struct {
	node
	run  operator
	from []int // slots; -1 for an input that is left out
	to   int
	last []bool // the input is not needed after this step
}

// Load reads an ONNX file and runs the network once on a synthetic picture, so that a file that cannot work is refused. Its
// errors are sentences whose subject is the file, as "it".
func Load(file []byte) (_ *Model, err error) {
	defer rescue(&err)
	g, err := parse(file)
	if err != nil {
		return nil, err
	}
	m := &Model{}
	if err := m.link(g); err != nil {
		return nil, err
	}
	picture := make([]float32, 3*m.Height*m.Width)
	for i := range picture {
		picture[i] = float32(i%251)/125 - 1
	}
	out, err := m.run(picture)
	if err != nil {
		return nil, err
	}
	if m.Length = len(out.data); m.Length < 2 || m.Length != out.shape[out.rank()-1] {
		return nil, fmt.Errorf("it gives an array of %v for a picture, not a vector of [1 N]", out.shape)
	}
	return m, nil
}

// link resolves names to slots.
func (m *Model) link(g *graph) error {
	input, err := m.findInput(g)
	if err != nil {
		return err
	}
	slots := map[string]int{}
	slot := func(name string) int {
		slots[name] = len(m.weights)
		m.weights = append(m.weights, tensor{})
		return slots[name]
	}
	for name, t := range g.weights {
		m.weights[slot(name)] = t
	}
	m.in = slot(input)
	for _, n := range g.nodes {
		// Constants are treated as weights: a run must not write to them.
		if n.name() == "Constant" && len(n.outputs) > 0 {
			t, err := n.constant()
			if err != nil {
				return err
			}
			m.weights[slot(n.outputs[0])] = t
			continue
		}
		s := step{node: n}
		if s.run, err = n.operator(); err != nil {
			return err
		}
		for _, name := range n.inputs {
			from, ok := slots[name]
			if name == "" {
				from = -1
			} else if !ok {
				return fmt.Errorf("its operator %s needs %q, which nothing before it makes", n.op, name)
			}
			s.from = append(s.from, from)
		}
		if len(n.outputs) == 0 {
			return errWire
		}
		s.to = slot(n.outputs[0])
		m.steps = append(m.steps, s)
	}
	// Networks with several outputs also classify; the first output is the embedding.
	if len(g.outputs) == 0 {
		return errors.New("it has no output")
	}
	out, ok := slots[g.outputs[0].name]
	if !ok {
		return fmt.Errorf("its output %q is made by nothing", g.outputs[0].name)
	}
	m.out = out
	m.Normalises = normalises(m.steps, m.in)
	m.findLastUses()
	return nil
}

// findInput finds the one input that is not a weight (old exporters list weights among the inputs) and takes the
// picture's size from it.
func (m *Model) findInput(g *graph) (string, error) {
	var inputs []value
	for _, v := range g.inputs {
		if _, weight := g.weights[v.name]; !weight {
			inputs = append(inputs, v)
		}
	}
	if len(inputs) != 1 {
		return "", fmt.Errorf("it has %d inputs, not one picture", len(inputs))
	}
	v := inputs[0]
	if v.kind != kindFloat && v.kind != kindFloat16 {
		return "", fmt.Errorf("its input is of %s, not of floats", kindName(v.kind))
	}
	const most = 1024 // pixels a side
	size := func(d int64) bool { return d >= 8 && d <= most }
	if len(v.shape) != 4 || v.shape[0] > 1 || v.shape[1] != 3 || !size(v.shape[2]) || !size(v.shape[3]) {
		return "", fmt.Errorf("its input is %v, not a picture of [1 3 height width] with fixed height and width", v.shape)
	}
	m.Height, m.Width = int(v.shape[2]), int(v.shape[3])
	return v.name, nil
}

// normalises reports whether the input is used only by subtractions, scalings and normalisations.
func normalises(steps []step, in int) bool {
	found := false
	for _, s := range steps {
		for _, from := range s.from {
			if from != in {
				continue
			}
			switch s.op {
			case "Sub", "Add", "Mul", "Div", "BatchNormalization":
				found = true
			default:
				return false
			}
		}
	}
	return found
}

// findLastUses marks the last use of each computed value.
func (m *Model) findLastUses() {
	needed := make([]bool, len(m.weights))
	for i, t := range m.weights {
		needed[i] = t.data != nil
	}
	needed[m.out], needed[m.in] = true, true
	for i := len(m.steps) - 1; i >= 0; i-- {
		s := &m.steps[i]
		s.last = make([]bool, len(s.from))
		for at, from := range s.from {
			if from >= 0 && !needed[from] {
				s.last[at], needed[from] = true, true
			}
		}
	}
}

// rescue turns a panic into an error: the file comes from outside, and must not be able to end the process.
func rescue(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("it cannot be run: %v", p)
	}
}

// Run describes one picture: three planes of Height x Width values, one after the other. The picture is not changed,
// and the vector is the caller's.
func (m *Model) Run(picture []float32) (_ []float32, err error) {
	defer rescue(&err)
	if len(picture) != 3*m.Height*m.Width {
		return nil, fmt.Errorf("onnx: a picture has %d values, not %d", 3*m.Height*m.Width, len(picture))
	}
	out, err := m.run(picture)
	if err != nil {
		return nil, err
	}
	return slices.Clone(out.data), nil // it may share the data of the picture or of a weight
}

func (m *Model) run(picture []float32) (tensor, error) {
	values := append([]tensor(nil), m.weights...)
	values[m.in] = tensor{[]int{1, 3, m.Height, m.Width}, picture}
	work := 0
	for _, s := range m.steps {
		c := call{node: s.node, work: &work, in: make([]tensor, len(s.from))}
		for i, from := range s.from {
			if from >= 0 {
				c.in[i] = values[from]
			}
		}
		// An operator may overwrite its input only if no other value shares the data, as views such as Reshape's do.
		c.reuse = len(s.last) > 0 && s.last[0] && !m.shared(values, s.from[0])
		out, err := s.run(&c)
		if err != nil {
			return tensor{}, fmt.Errorf("its operator %s cannot be run: %w", s.op, err)
		}
		values[s.to] = out
		for i, from := range s.from {
			if s.last[i] {
				values[from] = tensor{}
			}
		}
	}
	out := values[m.out]
	for _, v := range out.data {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return tensor{}, errors.New("it gives numbers that are not finite")
		}
	}
	if out.rank() == 0 {
		return tensor{}, errors.New("it gives a number for a picture, not a vector")
	}
	return out, nil
}

// shared reports whether another value shares the memory of a slot's value.
func (m *Model) shared(values []tensor, slot int) bool {
	if slot < 0 || len(values[slot].data) == 0 {
		return true
	}
	for i, v := range values {
		if i != slot && len(v.data) > 0 && &v.data[0] == &values[slot].data[0] {
			return true
		}
	}
	return false
}

package facemodel

// Spread is how much the photos of a model disagree about the face.
func Spread(weights []byte) float64 {
	m, err := decode(weights)
	if err != nil {
		panic(err)
	}
	return m.spread
}

// InParallel is inParallel.
var InParallel = inParallel

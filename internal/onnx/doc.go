// Package onnx runs small feed-forward networks from ONNX files: one picture in, one vector out, in Go alone.
//
// It supports the operators of face embedding networks, such as SFace, MobileFaceNet and the ArcFace
// residual networks: convolutions (grouped and depthwise too), batch normalisation, the usual activations, pooling,
// dense layers, and the shape computations that exporters add. Networks with attention, recurrent, control
// flow or quantised operators are refused when they are loaded, with the name of the operator.
//
// Everything is computed in 32-bit floats, for one picture at a time. The numbers of shape computations are kept as
// floats too: they are small, and a float holds whole numbers up to 2^24 exactly.
//
// The memory of a run is not limited by any budget. It is that of the arrays that are needed at the same time, a few times
// the largest one (usually some MB; each is bounded at 256 MB), for each concurrent run.
package onnx

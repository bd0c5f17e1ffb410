// Package onnx runs small feed-forward networks from ONNX files: one picture in, one vector out, in Go alone.
//
// It knows the operators that face embedding networks are made of, such as SFace, MobileFaceNet and the ArcFace
// residual networks: convolutions (grouped and depthwise too), batch normalisation, the usual activations, pooling,
// dense layers, and what exporters write around them to compute shapes. Networks with attention, recurrent, control
// flow or quantised operators are refused when they are loaded, with the name of the operator.
//
// Everything is computed in 32-bit floats, for one picture at a time. The numbers of shape computations are kept as
// floats too: they are small, and a float holds whole numbers up to 2^24 exactly.
package onnx

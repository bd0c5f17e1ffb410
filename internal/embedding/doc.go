// Package embedding describes faces by a network that the operator supplies as an ONNX file, in place of the classical
// descriptor, which can warn but is never sure of anybody.
//
// It works with networks that take one aligned face of [1 3 H W] and give one vector, such as OpenCV's SFace, and the
// ArcFace and MobileFaceNet models of many projects: faces are laid on the 112 x 112 template that they share. Package
// onnx tells which operators may be in the file. Nothing is downloaded, and no network comes with the program: mind
// the licence of the one you choose, for many are for research only.
package embedding

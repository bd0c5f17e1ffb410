// Package embedding describes faces by a network that the operator supplies as an ONNX file. It replaces the classical
// descriptor, which is good enough for warnings only.
//
// It works with networks that take one aligned face of [1 3 H W] and give one vector, such as OpenCV's SFace, and the
// ArcFace and MobileFaceNet models of many projects: faces are laid on the 112 x 112 template that they share. Package
// onnx lists the operators that may be in the file. Nothing is downloaded, and no network is shipped with the program.
// Check the licence of the network: many are for research only.
package embedding

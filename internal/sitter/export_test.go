package sitter

// Boxes is what a blur is made of.
var Boxes = boxes

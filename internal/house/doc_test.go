// Package house_test holds the rules of the house as tests: who may import whom, what a package says about itself, how
// long a file may be, what tests may not do, and that the files around the code fit it. Each rule says why it is there.
package house_test

// Package house_test has the rules of the code base as tests: imports, package comments, the size of files, what tests
// must not do, and whether the files around the code agree with it. Each rule states its reason.
package house_test

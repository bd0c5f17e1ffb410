// Package activities holds the steps of every workflow: one struct per set of dependencies, every method safe to run
// twice. Errors leave through Interceptor, the one place where they are given their type on the wire.
package activities

// Package app wires a production process: configuration to pools, buckets and clients, and these to the API server,
// the worker and the relay between database and Temporal.
package app

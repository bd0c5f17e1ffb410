// Package contract is what crosses the Temporal wire: names of queues, workflows, signals and updates, IDs, inputs,
// results, search attributes, error types, and one typed starter per workflow.
//
// Everything here ends up readable in histories, so nothing here may hold a name, an address, a prompt, a URL or a
// byte of a photo: ids, keys and numbers only.
package contract

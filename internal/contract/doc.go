// Package contract holds what crosses the Temporal wire: names of queues, workflows, signals and updates, IDs, inputs,
// results, search attributes, priorities, error types, and one typed starter per workflow.
//
// All of it is readable in histories, so nothing here may hold a name, an address, a prompt, a URL or a byte of a photo:
// ids, keys and numbers only.
package contract

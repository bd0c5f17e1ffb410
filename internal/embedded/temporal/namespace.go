package temporal

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
)

// readyWithin is how long the server may take to serve its namespace; it needs a few hundred milliseconds.
const readyWithin = 30 * time.Second

// awaitNamespace returns when the namespace can be used and has the search attributes. Registering an attribute again
// with another type has no effect and no error, so the types are compared here.
func awaitNamespace(ctx context.Context, addr, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	c, err := client.NewLazyClient(client.Options{HostPort: addr, Namespace: namespace, Logger: quiet{}})
	if err != nil {
		return fmt.Errorf("the Temporal server on %s cannot be reached: %w", addr, err)
	}
	defer c.Close()
	err = retry(ctx, func() error {
		_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
		return err
	})
	if err != nil {
		return fmt.Errorf("the Temporal server on %s does not get ready: %w", addr, err)
	}
	there, err := listAttributes(ctx, c, namespace)
	if err != nil {
		return err
	}
	missing := map[string]enumspb.IndexedValueType{}
	for name, kind := range searchAttributes {
		if found, ok := there[name]; !ok {
			missing[name] = kind
		} else if found != kind {
			return fmt.Errorf("the namespace %s has the search attribute %s as %s, but it must be %s: use another namespace or a new database", namespace, name, found, kind)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	// An earlier version of the product made the namespace.
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
	if err != nil {
		return fmt.Errorf("the search attributes of the namespace %s cannot be registered: %w", namespace, err)
	}
	return nil
}

func listAttributes(ctx context.Context, c client.Client, namespace string) (map[string]enumspb.IndexedValueType, error) {
	var there map[string]enumspb.IndexedValueType
	err := retry(ctx, func() error {
		list, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
		there = list.GetCustomAttributes()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the search attributes of the namespace %s cannot be read: %w", namespace, err)
	}
	return there, nil
}

// retry repeats call until it succeeds or ctx ends, and returns its last error.
func retry(ctx context.Context, call func() error) error {
	for {
		err := call()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// quiet discards the SDK's log while the server starts.
type quiet struct{}

var _ log.Logger = quiet{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

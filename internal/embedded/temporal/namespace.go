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

// readyWithin bounds how long the server may take to answer for its namespace; it needs a few hundred milliseconds.
const readyWithin = 30 * time.Second

// awaitNamespace returns when the namespace can be used and has the search attributes. Temporal silently keeps an
// attribute that was once registered with another type, so what is there is compared.
func awaitNamespace(ctx context.Context, addr, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	c, err := client.NewLazyClient(client.Options{HostPort: addr, Namespace: namespace, Logger: quiet{}})
	if err != nil {
		return fmt.Errorf("the Temporal server on %s cannot be asked: %w", addr, err)
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
			return fmt.Errorf("the namespace %s has the search attribute %s as %s, but it must be %s: use another namespace or begin anew", namespace, name, found, kind)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	// A namespace of an earlier version of the product.
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

// retry calls until it works or the context ends.
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

// quiet keeps the SDK silent while the server comes up.
type quiet struct{}

var _ log.Logger = quiet{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/log"

	"github.com/inflio/persona/internal/contract"
)

// dialTimeout is how long a starting process waits for Temporal before it fails.
const dialTimeout = 30 * time.Second

// dialTemporal connects, with metrics in the registry, and registers the search attributes. The returned function stops the
// metrics.
func dialTemporal(
	ctx context.Context, c Config, registry *prometheus.Registry, logger *slog.Logger,
) (client.Client, func(), error) {
	exporter, err := otelprom.New(otelprom.WithRegisterer(registry), otelprom.WithoutScopeInfo())
	if err != nil {
		return nil, nil, err
	}
	// Latencies of workflows and activities lie between milliseconds and hours.
	seconds := sdkmetric.NewView(sdkmetric.Instrument{Kind: sdkmetric.InstrumentKindHistogram},
		sdkmetric.Stream{Aggregation: sdkmetric.AggregationExplicitBucketHistogram{
			Boundaries: []float64{0.005, 0.02, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200},
		}})
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter), sdkmetric.WithView(seconds))
	stop := func() { _ = meters.Shutdown(context.WithoutCancel(ctx)) }

	options := c.Temporal
	options.Identity = identity()
	options.Logger = log.NewStructuredLogger(slog.New(calm{logger.Handler()}))
	options.MetricsHandler = opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter: meters.Meter("temporal"), UseMonotonicCounters: true,
		OnError: func(err error) { logger.Warn("a metric could not be recorded", "error", err) },
	})
	dialing, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	for {
		temporal, err := client.DialContext(dialing, options)
		if err == nil {
			err = ensureSearchAttributes(dialing, temporal, namespace(c))
			if err == nil {
				return temporal, stop, nil
			}
			temporal.Close()
		}
		select {
		case <-dialing.Done():
			stop()
			return nil, nil, fmt.Errorf("the Temporal server at TEMPORAL_ADDRESS does not serve namespace %q: %w", namespace(c), err)
		case <-time.After(time.Second):
		}
	}
}

func namespace(c Config) string {
	if c.Temporal.Namespace == "" {
		return client.DefaultNamespace
	}
	return c.Temporal.Namespace
}

// ensureSearchAttributes registers the search attributes that are missing. It fails when one exists with another type: the
// server would silently keep that type, and every start of a workflow would fail.
func ensureSearchAttributes(ctx context.Context, c client.Client, namespace string) error {
	want := map[string]enumspb.IndexedValueType{
		contract.PersonaIDKey.GetName():      enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		contract.UserIDKey.GetName():         enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		contract.StageKey.GetName():          enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		contract.PersonaVersionKey.GetName(): enumspb.INDEXED_VALUE_TYPE_INT,
	}
	have, err := c.OperatorService().ListSearchAttributes(ctx,
		&operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return err
	}
	missing := map[string]enumspb.IndexedValueType{}
	for name, kind := range want {
		switch got, ok := have.GetCustomAttributes()[name]; {
		case !ok:
			missing[name] = kind
		case got != kind:
			return fmt.Errorf("the search attribute %s is of type %s and must be %s", name, got, kind)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx,
		&operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
	return err
}

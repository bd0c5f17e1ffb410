package trainer

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// FindTraining looks for the training of a data set in the service's list of requests. The address of a data set is
// different for every purchase. since is when the submit was sent. found is false only when the whole list was read and
// every job that may be the one showed its input; anything less is an Unavailable error.
func (c *Client) FindTraining(ctx context.Context, datasetURL string, since time.Time) (requestID string, found bool, err error) {
	return c.findRequest(ctx, listing{endpoint: TrainingEndpoint, since: since}, func(input json.RawMessage) (match, readable bool) {
		address := datasetOf(input)
		return address == datasetURL, address != ""
	})
}

// FindGeneration looks for a generation in the service's list of requests, and returns the newest one whose prompt,
// weights, scale, seed, size and number of pictures are exactly those of r. since is when the submit was sent. found is
// false only in the cases of FindTraining. Two equal requests cannot be told apart.
func (c *Client) FindGeneration(ctx context.Context, r GenerateRequest, since time.Time) (requestID string, found bool, err error) {
	want := r.input()
	return c.findRequest(ctx, listing{endpoint: GenerationEndpoint, since: since}, func(input json.RawMessage) (match, readable bool) {
		var got struct {
			Prompt *string         `json:"prompt"`
			LoRAs  []lora          `json:"loras"`
			Size   json.RawMessage `json:"image_size"` // a name in requests of others
			Images int             `json:"num_images"`
			Seed   int64           `json:"seed"`
		}
		var size imageSize
		if json.Unmarshal(input, &got) != nil || got.Prompt == nil {
			return false, false
		}
		return json.Unmarshal(got.Size, &size) == nil && *got.Prompt == want.Prompt && slices.Equal(got.LoRAs, want.LoRAs) &&
			size == want.ImageSize && got.Images == want.Images && got.Seed == want.Seed, true
	})
}

// findRequest returns the first listed request whose input matches. An input that is not readable may be the one.
func (c *Client) findRequest(
	ctx context.Context, l listing, matches func(input json.RawMessage) (match, readable bool),
) (requestID string, found bool, err error) {
	hidden := false
	err = c.eachRequest(ctx, l, func(item listedRequest) (more bool) {
		match, readable := matches(unquoted(item.Input))
		if match && IsRequestID(item.RequestID) {
			requestID, found = item.RequestID, true
			return false
		}
		hidden = hidden || item.hides(readable)
		return true
	})
	if err == nil && hidden && !found {
		err = inputsMissing()
	}
	return requestID, found, err
}

// FindGenerations returns the ids of all generations with the weights at an address, newest first. since is when the
// first of them may have been sent. Unless there is an error, the whole list was read. Generations without a stored
// input, such as erased ones, are not found.
func (c *Client) FindGenerations(ctx context.Context, weightsURL string, since time.Time) ([]string, error) {
	var ids []string
	hidden := false
	err := c.eachRequest(ctx, listing{endpoint: GenerationEndpoint, since: since}, func(item listedRequest) (more bool) {
		weights, readable := weightsOf(unquoted(item.Input))
		if slices.Contains(weights, weightsURL) && IsRequestID(item.RequestID) {
			ids = append(ids, item.RequestID)
		}
		hidden = hidden || item.searched && item.hides(readable)
		return true
	})
	if err == nil && hidden {
		err = inputsMissing()
	}
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// TrainingDataset returns the address of the data set that a training was submitted with, so that a request id which a
// person names can be compared with our own purchase. since is when the submit was sent. known is false only when the
// whole list was read and the id is not in it. datasetURL is "" when the service has not stored the input or has
// erased it.
func (c *Client) TrainingDataset(
	ctx context.Context, requestID string, since time.Time,
) (datasetURL string, known bool, err error) {
	if !IsRequestID(requestID) {
		return "", false, badRequestID(opListRequests)
	}
	l := listing{endpoint: TrainingEndpoint, requestID: requestID, since: since}
	err = c.eachRequest(ctx, l, func(item listedRequest) (more bool) {
		datasetURL, known = datasetOf(unquoted(item.Input)), true
		return false
	})
	return datasetURL, known, err
}

// datasetOf returns the data set's address from a stored input, "" when it cannot be read.
func datasetOf(input json.RawMessage) string {
	var stored fastTrainingInput
	if json.Unmarshal(input, &stored) != nil {
		return ""
	}
	return stored.ImagesDataURL
}

// weightsOf returns the addresses of weights from a stored input, and whether there is a readable input.
func weightsOf(input json.RawMessage) (addresses []string, readable bool) {
	var stored *struct {
		LoRAs []lora `json:"loras"`
	}
	if json.Unmarshal(input, &stored) != nil || stored == nil {
		return nil, false
	}
	for _, l := range stored.LoRAs {
		addresses = append(addresses, l.Path)
	}
	return addresses, true
}

package trainer

// SetPartSizes makes uploads go in parts above single bytes, each of part bytes, so that tests need no large files.
func (c *Client) SetPartSizes(single, part int64) { c.singleMax, c.partOf = single, part }

// StepsIn is the reader of log lines.
var StepsIn = stepsIn

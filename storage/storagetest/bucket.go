package storagetest

import (
	"context"
	"errors"
	"io"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"
)

// Operation is something that is done with a bucket.
type Operation string

// The operations that Intercept sees.
const (
	ReadBlob   Operation = "read"  // opening a blob
	OpenWrite  Operation = "open"  // beginning to write a blob
	WriteBlob  Operation = "write" // writing some bytes, at the latest when the blob is closed
	DeleteBlob Operation = "delete"
	ListBlobs  Operation = "list" // the key is the prefix
)

// Intercept returns a bucket with the blobs of b that calls before ahead of every operation. An error of before is the result of the
// operation, which is then not done. So a test can make a bucket fail or wait. Closing it does not close b.
func Intercept(b *blob.Bucket, before func(ctx context.Context, op Operation, key string) error) *blob.Bucket {
	return blob.NewBucket(&interceptor{Bucket: b, before: before})
}

type interceptor struct {
	*blob.Bucket
	before func(ctx context.Context, op Operation, key string) error
}

func (i *interceptor) ErrorCode(err error) gcerrors.ErrorCode { return gcerrors.Code(err) }
func (i *interceptor) Close() error                           { return nil }

func (i *interceptor) Attributes(ctx context.Context, key string) (*driver.Attributes, error) {
	a, err := i.Bucket.Attributes(ctx, key)
	if err != nil {
		return nil, err
	}
	return &driver.Attributes{ContentType: a.ContentType, ModTime: a.ModTime, Size: a.Size}, nil
}

func (i *interceptor) ListPaged(ctx context.Context, o *driver.ListOptions) (*driver.ListPage, error) {
	if err := i.before(ctx, ListBlobs, o.Prefix); err != nil {
		return nil, err
	}
	page := &driver.ListPage{}
	listing := i.List(&blob.ListOptions{Prefix: o.Prefix, Delimiter: o.Delimiter})
	for {
		object, err := listing.Next(ctx)
		if errors.Is(err, io.EOF) {
			return page, nil
		}
		if err != nil {
			return nil, err
		}
		page.Objects = append(page.Objects, &driver.ListObject{
			Key: object.Key, ModTime: object.ModTime, Size: object.Size, IsDir: object.IsDir,
		})
	}
}

func (i *interceptor) NewRangeReader(ctx context.Context, key string, offset, length int64, _ *driver.ReaderOptions) (driver.Reader, error) {
	if err := i.before(ctx, ReadBlob, key); err != nil {
		return nil, err
	}
	r, err := i.Bucket.NewRangeReader(ctx, key, offset, length, nil)
	if err != nil {
		return nil, err
	}
	return &interceptedReader{r}, nil
}

type interceptedReader struct{ *blob.Reader }

func (r *interceptedReader) Attributes() *driver.ReaderAttributes {
	return &driver.ReaderAttributes{ContentType: r.ContentType(), ModTime: r.ModTime(), Size: r.Size()}
}

func (i *interceptor) NewTypedWriter(ctx context.Context, key, contentType string, _ *driver.WriterOptions) (driver.Writer, error) {
	if err := i.before(ctx, OpenWrite, key); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	w, err := i.NewWriter(ctx, key, &blob.WriterOptions{ContentType: contentType})
	if err != nil {
		cancel()
		return nil, err
	}
	return &interceptedWriter{Writer: w, ctx: ctx, cancel: cancel, key: key, before: i.before}, nil
}

type interceptedWriter struct {
	*blob.Writer
	ctx    context.Context //nolint:containedctx // a driver.Writer gets its context when it is made
	cancel context.CancelFunc
	key    string
	before func(ctx context.Context, op Operation, key string) error
	failed error
}

func (w *interceptedWriter) Write(p []byte) (int, error) {
	if w.failed = w.before(w.ctx, WriteBlob, w.key); w.failed != nil {
		return 0, w.failed
	}
	return w.Writer.Write(p)
}

func (w *interceptedWriter) Close() error {
	defer w.cancel()
	if w.failed == nil {
		w.failed = w.before(w.ctx, WriteBlob, w.key)
	}
	if w.failed != nil {
		w.cancel() // so that what was written so far is dropped
		_ = w.Writer.Close()
		return w.failed
	}
	return w.Writer.Close()
}

func (i *interceptor) Copy(ctx context.Context, dstKey, srcKey string, _ *driver.CopyOptions) error {
	return i.Bucket.Copy(ctx, dstKey, srcKey, nil)
}

func (i *interceptor) Delete(ctx context.Context, key string, _ *driver.DeleteOptions) error {
	if err := i.before(ctx, DeleteBlob, key); err != nil {
		return err
	}
	return i.Bucket.Delete(ctx, key)
}

func (i *interceptor) SignedURL(ctx context.Context, key string, _ *driver.SignedURLOptions) (string, error) {
	return i.Bucket.SignedURL(ctx, key, nil)
}

package storage_test

import (
	"testing"

	"github.com/inflio/persona/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

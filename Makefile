# Shortcuts for plain commands; nothing needs make.
.DEFAULT_GOAL := help
.PHONY: help dev test race bench lint fmt ci fal-client build image up down

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

dev: ## The whole system on this machine: go run ./cmd/dev
	go run ./cmd/dev

test: ## Every test: go test ./...
	go test ./...

race: ## Every test with the race detector; PACKAGES limits it
	bash .ci/run race

bench: ## Every benchmark, no tests
	go test -run '^$$' -bench . -benchmem ./...

lint: ## gofmt, vet, workflowcheck and golangci-lint, as CI runs them
	bash .ci/run format vet workflowcheck lint

fmt: ## Format the sources
	bash .ci/run fix

fal-client: ## The official fal client against the local trainer (needs npm)
	bash .ci/run fal-client

ci: ## Everything that CI runs, in its order
	bash .ci/run

build: ## The production binary, in bin/
	CGO_ENABLED=0 go build -trimpath -o bin/persona ./cmd/persona

image: ## The production image
	docker build -t persona .

up: ## The production shape on this machine; needs FAL_KEY
	docker compose up --build --detach --wait

down: ## Stop it; its data stays
	docker compose down

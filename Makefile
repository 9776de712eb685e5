# The commands of this project; the work is in scripts/. The two to know: `make up` and `make test`.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help up down clean test lint bench chaos isolation fuzz logs status

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/make \1|\2/' | column -t -s '|'

up: ## installs, builds and starts everything, then holds a conversation
	@scripts/up.sh

down: ## stops what `make up` started; data stays
	@scripts/down.sh

clean: ## stops and removes data and downloads (KEEP_DOWNLOADS=1 keeps those)
	@scripts/clean.sh

test: ## every test; ARGS="…" goes to cargo test
	@scripts/test.sh

lint: ## format, lints, dependency and structure checks
	@scripts/lint.sh

bench: ## the benchmarks; ARGS="…" selects: accept, peers, growth …
	@scripts/bench.sh $(ARGS)

chaos: ## fault runs with the invariant checker; SECONDS= SEED= EVENTS= RUN=calm|flood|rolling|plan
	@scripts/chaos.sh $(or $(RUN),run) --seconds=$(SECONDS) --seed=$(SEED) --events=$(EVENTS)

isolation: ## reaches from tenant to tenant; OPERATIONS=1000000 SEED=1
	@scripts/isolation.sh --operations $(or $(OPERATIONS),1000000) --seed $(or $(SEED),1)

fuzz: ## every parser under a fuzzer; SECONDS=60 each, TARGET=mrkdwn for one
	@scripts/fuzz.sh "$(or $(SECONDS),60)" "$(TARGET)"

logs: ## follows the logs; PART=gateway for one of them
	@tail -n 40 -F .local/log/$(or $(PART),*).log

status: ## each part, its address and its state
	@scripts/status.sh

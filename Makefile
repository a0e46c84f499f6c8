# Two commands: `make run` serves Vibe, `make test` runs every test. Both set up what they need, the second time quickly.
SHELL := /bin/bash
PY := .venv/bin/python
.PHONY: run test test-compose test-cgroup2 check setup setup-test pictures images bench bench-films bench-peers soak everyday lock help
.PHONY: up down scale backup restore upgrade logs
.DEFAULT_GOAL := help

help: ## This list
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 14

run: setup ## Set everything up and serve http://localhost:8000  (ARGS=--lan for phones at home)
	@exec $(PY) manage.py serve $(ARGS)

test: setup-test ## Set everything up and run every test  (ARGS="-k words" for some, -n0 for one at a time)
	@$(PY) -m pytest -n auto --maxprocesses 4 --dist worksteal -m "not soak" $(ARGS)

setup: .venv/ready ## Python packages, the Docker engine where it can be had, the images of the sealed boxes
	@bash setup/engine.sh
	@$(PY) -m sandbox images || echo "· Vibe starts without these boxes, and says so where one is needed, until  make images  has worked."

setup-test: .venv/ready-dev
	@bash setup/engine.sh
	@bash setup/browser.sh
	@bash setup/services.sh
	@bash setup/compose.sh
	@$(PY) -m sandbox images || echo "· Tests that open a box without its image will fail, for the reason above, until  make images  has worked."

.venv/ready: requirements.lock
	@bash setup/python.sh
	@bash setup/packages.sh requirements.lock ""
	@touch $@

.venv/ready-dev: .venv/ready requirements-dev.lock
	@bash setup/packages.sh requirements-dev.lock " for tests and checks"
	@touch $@

check: .venv/ready-dev ## Lint, types, layers, templates, migrations
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache
	@git ls-files 'templates/*.html' | xargs .venv/bin/djade --check --target-version 5.2
	@$(PY) manage.py makemigrations --check --dry-run
	@$(PY) manage.py check

up: setup ## Start the whole stack: proxy, pages, workers, database (docs/operating.md)
	@bash setup/compose.sh
	@$(PY) -m deploy up

down: .venv/ready ## Stop the stack; programs and cards stay
	@$(PY) -m deploy down

scale: .venv/ready ## So many workers from now on  (WORKERS=2)
	@$(PY) -m deploy scale worker $(WORKERS)

backup: .venv/ready ## Database and files into backups/<time>  (ARGS=--with-secrets)
	@$(PY) -m deploy backup $(ARGS)

restore: setup ## A backup into an empty stack, and start it  (FROM=backups/<time>)
	@bash setup/compose.sh
	@$(PY) -m deploy restore $(FROM)

upgrade: setup ## Back up, build what changed, migrate, start anew
	@$(PY) -m deploy upgrade

logs: .venv/ready ## What the services of the stack write
	@$(PY) -m deploy compose logs --tail 100 $(ARGS)

test-compose: setup-test ## Start the stack for real and drive it through its proxy  (five minutes)
	@$(PY) -m pytest -n0 -p no:randomly tests/stack/journey.py $(ARGS)

test-cgroup2: setup-test ## Run tests of the boxes on cgroup v2, in an emulated machine  (root on Debian; an hour; ARGS are pytest's)
	@bash tests/cgroup2.sh $(ARGS)

pictures: setup-test ## Take the README's picture anew
	@VIBE_PICTURES=1 $(PY) -m pytest -q -k test_from_the_desk

images: .venv/ready ## Build the images of the sealed boxes
	@bash setup/engine.sh
	@$(PY) -m sandbox images

bench: setup-test ## Measure boxes, the live path, the whole way, growth  (ARGS="--seconds 5 --jobs 1,50" or ARGS=live; an hour)
	@$(PY) -m bench $(ARGS)

bench-peers: setup ## The same work by other libraries, in an environment of their own under var/  (ARGS="--rounds 30")
	@test -e var/peers/ready || { python3 -m venv var/peers && var/peers/bin/pip install --quiet --disable-pip-version-check -r bench/peers/requirements.txt && touch var/peers/ready; }
	@PYTHONPATH=. var/peers/bin/python bench/peers/run.py --image "$$($(PY) -c 'from sandbox import catalog; print(catalog.tag("python"))')" $(ARGS)

bench-films: setup ## Measure what filming the checks adds to a look  (ARGS="--pairs 5"; four minutes)
	@$(PY) -m bench.films $(ARGS)

soak: setup-test ## What takes minutes: a thousand runs with random kills, parts that are away for long, a thousand watchers
	@$(PY) -m bench.soak $(ARGS)
	@$(PY) -m bench.growth --sizes 10,1000 --events 1000000 --sockets 3000
	@$(PY) -m pytest -n0 -s -m soak

everyday: setup ## Measure the twelve everyday requests with the kept replies anew, into docs/making.md  (ten minutes)
	@rm -f docs/measured/everyday.jsonl
	@$(PY) manage.py measure tests/everyday/suite.toml $(foreach set,strong middling poor,--play tests/everyday/$(set)) --out docs/measured/everyday.jsonl --into docs/making.md || [ $$? -eq 1 ]

lock: ## Remake both lock files from pyproject.toml (needs uv)
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements.lock
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml --group dev -o requirements-dev.lock

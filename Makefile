# Floorguard. `make` alone prints what there is. PYTHON=/path/to/python3.12 chooses the interpreter (3.11 to 3.13).
.DEFAULT_GOAL := help
.PHONY: help run test acceptance check format bench sim week night powercut kills soak sbom audit chaos proof install uninstall lock clean
PYTHON ?= python3
PREFIX ?= /usr/local/lib/floorguard
T ?=
export PYTHON
unexport PYTHONDONTWRITEBYTECODE  # what is started here is started again

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## set up .venv if needed and start the controller against the simulated floor; Ctrl-C ends it
	@.ci/setup run
	@.venv/bin/floorguard demo

test: ## set up .venv if needed and run the tests (T="tests/core -k alarm" for some of them)
	@.ci/setup dev
	@.ci/peers
	@.ci/test $(T)

acceptance: ## the slower share of the evidence, which CI runs after the tests: broken devices, the whole day, chaos, outages
	@.ci/setup dev
	@.ci/peers
	@.ci/test acceptance

check: ## ruff, format, mypy --strict, import contracts, coverage floors
	@.ci/setup dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --config pyproject.toml
	@.ci/floors

format: ## let ruff lay out the code
	@.ci/setup dev
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: ## measure beside collectd, NUT, Node-RED and raw bounds, print tables, write docs/performance.md (B=reaction for one); fails nothing
	@.ci/setup dev
	@.ci/peers
	@bench/peers-install
	@for name in $(or $(B),polling reaction nut start lag cycles events snmp_v3 snmp_paths modbus_dead_unit surge endurance fleet cli); do echo "== $$name"; bench/python -m bench.$$name || echo "bench: $$name ended with an error"; done
	@bench/python -m bench.page

sim: ## one seeded week of faults in virtual time, with its script (SEED=1)
	@.ci/setup dev
	.venv/bin/python -m tests.sim.weeks $(or $(SEED),1) --faults

week: ## thirty seeded weeks, those that CI plays (those from FROM=0 up to, not with, MANY=30)
	@.ci/setup dev
	.venv/bin/python -m tests.sim.weeks $(or $(FROM),0) --many $(or $(MANY),30)

night: ## two thousand seeded weeks (from FROM=0 up to, not with, MANY=2000), in slices of WITHIN seconds that the same LOG goes on with
	@.ci/setup dev
	.venv/bin/python -m tests.sim.weeks $(or $(FROM),0) --many $(or $(MANY),2000) \
		--log $(or $(LOG),build/weeks-$(shell git rev-parse --short HEAD).jsonl) --within $(or $(WITHIN),1000000)

.PHONY: sim-night
sim-night: night

powercut: ## as root: power cuts on a real ext4 (CUTS=1000 SEED=1); says so when no loop device can be mounted
	@.ci/setup dev
	.venv/bin/python -m tests.faults.powercut $(or $(CUTS),1000) $(or $(SEED),1)

kills: ## kill -9 of the real daemon at random moments under load (KILLS=500 SEED=1)
	@.ci/setup dev
	.venv/bin/python -m tests.faults.kills $(or $(KILLS),500) $(or $(SEED),1)

soak: ## the real daemon at 20 times the usual rate (LASTS=1800): memory, descriptors, threads and tasks must stay flat
	@.ci/setup dev
	.venv/bin/python -m tests.faults.soak $(or $(LASTS),1800)

sbom: ## the software bill of materials, CycloneDX 1.5, of what an installation gets
	@$(PYTHON) .ci/sbom requirements.txt

audit: ## known vulnerabilities of the locked packages, where the index's advisories can be asked
	@.ci/audit requirements.txt

chaos: ## kill, freeze, fill and tear while events flow: none may be lost (EVENTS=1500 SEED=1)
	@.ci/setup dev
	@.ci/peers
	.venv/bin/python -m tests.chaos.run $(or $(EVENTS),1500) $(or $(SEED),1)

proof: ## the long evidence: every test marked `proof`, every property with 20 times the examples (hours on a small machine)
	@.ci/setup dev
	@.ci/peers
	@.ci/test -m proof $(T)
	@MORE_EXAMPLES=$(or $(MORE),20) .ci/test -m "hypothesis and not proof" $(T)

install: ## as root: install or upgrade under PREFIX with user, service and completions (DESTDIR=folder to try it out)
	@.ci/install "$(PREFIX)"

uninstall: ## as root: remove it, keeping site file, secrets and state (PURGE=1 removes them too)
	@.ci/install --remove "$(PREFIX)"

lock: ## write the hashed requirement files again from pyproject.toml (UPGRADE=1 takes newer releases)
	@.ci/lock

clean: ## remove .venv and everything that a run or a test leaves behind
	rm -rf .venv build dist *.egg-info .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

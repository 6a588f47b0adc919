# `make repro` and `make test` need nothing but Python >= 3.11; the first call sets up .venv.
PYTHON ?= python3
BIN := .venv/bin
# DVC's own commands are found by dvc itself through PATH.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: bench demo released workstation repro test test-all campaign lint ui paper report clean

repro: .venv/ready
	$(BIN)/triptych repro
	@echo "report: reports/$$(sed -n 's/^profile: *\([a-z0-9_-]*\).*/\1/p' params.yaml)/index.html"

# One row a paper at a tiny scale, and three pictures, in about two minutes.
demo: .venv/ready
	$(BIN)/triptych demo

# The network behind the DCGAN paper's CIFAR-10 row, as its authors published it, on CIFAR-10: about half an hour.
released: .venv/ready
	$(BIN)/triptych released

test: .venv/ready .venv/oracle
	$(BIN)/python -m pytest -m "not slow"

test-all: .venv/ready .venv/oracle
	$(BIN)/python -m pytest

# Ten minutes: speed of steps, judges and pipeline beside what one would otherwise run, into reports/speed/.
bench: .venv/ready .venv/oracle
	$(BIN)/python benchmarks/speed

# Malformed input, kills, full disks and load, an hour or two; docs/reliability.md has what was counted.
campaign: .venv/ready
	$(BIN)/python -m tests.campaign

lint: .venv/ready
	$(BIN)/ruff check src stages tests benchmarks scripts
	$(BIN)/ruff format --check src stages tests benchmarks scripts

ui: .venv/ready
	$(BIN)/triptych ui

# The papers' scale on real data. A params.yaml of another profile is kept as params.before.yaml; one of this profile
# (the folder of your data put in) stays as it is. A missing dataset stops what needs it, and nothing else.
paper: .venv/ready
	@grep -q '^profile: *paper' params.yaml || { cp params.yaml params.before.yaml && cp params/paper.yaml params.yaml && \
		echo "params.yaml is now params/paper.yaml; what it was is in params.before.yaml"; }
	$(BIN)/triptych repro

# The profile params/workstation.yaml, for two days and nights on two cores, in workstation/, a clone at the commit at
# which it begins. The same call goes on where it was. TARGETS="disentangle beta_sweep" runs a part. OFFLINE=yes takes
# copies that lie in data/raw in place of downloads. What has ended goes to reports/workstation/, which stays in git.
workstation: .venv/ready
	@test -e workstation || { git clone --quiet . workstation && mkdir -p data/raw workstation/data && \
		ln -s "$(CURDIR)/data/raw" workstation/data/raw && \
		sed '$(if $(OFFLINE),s/: [^ ]* *# offline: /: /)' params/workstation.yaml > workstation/params.yaml; }
	@$(BIN)/triptych collect workstation --estimate
	@cd workstation && PYTHONPATH="$$PWD/src" ../$(BIN)/triptych repro $(TARGETS); status=$$?; \
		cd .. && $(BIN)/triptych collect workstation && exit $$status

report: .venv/ready
	$(BIN)/dvc repro report

# Dependencies are pinned; `dvc init --no-scm` is for a copy without git (an unpacked ZIP).
.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade-strategy only-if-needed -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@git rev-parse --git-dir >/dev/null 2>&1 || $(BIN)/dvc config --local core.no_scm true
	@touch $@

# An independent implementation that tests compare with, without the old TensorFlow it asks for; where it cannot be had,
# those tests are skipped, and the next `make test` tries again.
.venv/oracle: .venv/ready
	-$(BIN)/python -m pip install --quiet --no-deps disentanglement-lib==1.5 && touch $@

# All that can be made again, and MLflow's store. data/raw holds downloads, some of them put there by hand.
clean:
	rm -rf data/prepared models runs outputs checkpoints mlruns mlartifacts mlflow.db*

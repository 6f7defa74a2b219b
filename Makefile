# Every target sets up what it needs; uv is used when present, pip otherwise.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test up check bench torture screenshots clean

$(VENV)/app.done: requirements.lock pyproject.toml
	@sh .ci/install app $(PYTHON) $(VENV)
	@touch $@

$(VENV)/dev.done: requirements-dev.lock pyproject.toml
	@sh .ci/install dev $(PYTHON) $(VENV)
	@touch $(VENV)/app.done $@

demo: $(VENV)/app.done  ## one governed trading day, into var/demo
	@$(BIN)/counterseal demo

test: $(VENV)/dev.done  ## set up and pass the tests
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder

up: $(VENV)/app.done  ## pages and flows of the home, or of the demo, until stopped
	@$(BIN)/counterseal up

check: $(VENV)/dev.done  ## lint, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/dev.done  ## measure against floors of the same run
	@$(BIN)/python -m tests.bench

torture: $(VENV)/dev.done  ## the full kill campaigns
	@$(BIN)/python -m tests.torture

screenshots: $(VENV)/dev.done  ## every page in every look, into var/screenshots
	@$(BIN)/python -m tests.ui.web.screenshots $(PAGES)

clean:
	@rm -rf $(VENV) var

include evidence/aliases.mk

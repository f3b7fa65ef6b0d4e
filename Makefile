# Two commands do all the set-up: `make app` and `make test`.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
export OMP_NUM_THREADS ?= 1

.PHONY: app test check bench browser clean

app: $(READY)
	$(BIN)/python app.py

test: $(READY) browser
	$(MAKE) --no-print-directory check
	$(BIN)/python -m pytest -n auto

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict engine
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/test_architecture.py

bench: $(READY)
	@for file in benchmarks/[a-z]*.py; do $(BIN)/python -m benchmarks.$$(basename $$file .py); done

# torch comes first and alone, so that nothing else decides which build of it is installed
$(READY): requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^torch==' requirements.txt)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $(READY)

# the browser tests need a Chromium; without one they skip and say so
browser:
	@sh .ci/install_chromium.sh

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

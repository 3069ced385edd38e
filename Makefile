# The series: `make run` executes it, `make lab` opens it, `make test` tests it.
# Every target sets up .venv first; a second call does not install again.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

# TensorFlow's start-up chatter helps nobody here.
export TF_CPP_MIN_LOG_LEVEL := 3

.PHONY: run lab test lint notebooks setup clean

run: $(INSTALLED)
	$(BIN)/python tools/notebooks.py run

lab: $(INSTALLED)
	$(BIN)/jupyter lab notebooks

# The tests never ask the network; notebooks run on few synthetic tiles.
test: $(INSTALLED) lint
	EUROSAT_INPAINT_OFFLINE=1 EUROSAT_INPAINT_PROFILE=smoke \
	$(BIN)/python -m pytest --nbval-lax --nbval-current-env --nbval-cell-timeout=120 tests notebooks

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# For those who edit: text sources to executed notebooks; NOTEBOOK=04 builds one.
notebooks: $(INSTALLED)
	$(BIN)/python tools/notebooks.py build $(NOTEBOOK)

setup: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable ".[notebooks,test]"
	touch $@

clean:
	rm -rf .venv build

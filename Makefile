# The series: `make run` executes it, `make lab` opens it, `make test` tests it.
# Every target sets up .venv first, `make test` also .venv-jax; a second call does not install again.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
JAX_BIN := .venv-jax/bin
JAX_INSTALLED := .venv-jax/installed

# TensorFlow's start-up chatter helps nobody here.
export TF_CPP_MIN_LOG_LEVEL := 3

.PHONY: run lab test lint notebooks setup clean

run: $(INSTALLED)
	$(BIN)/python tools/notebooks.py run

lab: $(INSTALLED)
	$(BIN)/jupyter lab notebooks

# The tests never ask the network; notebooks run on few synthetic tiles.
test: $(INSTALLED) $(JAX_INSTALLED) lint
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

# Without TensorFlow: what networks and metrics need where JAX is the only backend of Keras.
$(JAX_INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-jax
	$(JAX_BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt jax keras numpy pillow scikit-image scipy tqdm
	$(JAX_BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

clean:
	rm -rf .venv .venv-jax build

# The series: `make run` executes it, `make lab` opens it, `make check` tests it in two minutes,
# `make test` tests the whole. Every target sets up .venv first, `make test` also .venv-jax and
# .venv-colab; a second call does not install again.

PYTHON ?= python3
# Where an environment keeps its programs.
SCRIPTS := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
BIN := .venv/$(SCRIPTS)
INSTALLED := .venv/installed
SITE_INSTALLED := .venv/installed_site
JAX_BIN := .venv-jax/$(SCRIPTS)
JAX_INSTALLED := .venv-jax/installed
COLAB_BIN := .venv-colab/$(SCRIPTS)
COLAB_INSTALLED := .venv-colab/installed

# TensorFlow's start-up chatter helps nobody here.
export TF_CPP_MIN_LOG_LEVEL := 3

# What is given by name reaches commands through the environment, as it was typed: neither make nor
# the shell reads it as something to run.
override export NOTEBOOK := $(value NOTEBOOK)
override export REPOSITORY := $(value REPOSITORY)

.PHONY: help run lab app check test faults lint notebooks figures classroom site publish setup clean

help:
	@grep -B1 -E '^[a-z]+:' Makefile | grep -vE '^--'

run: $(INSTALLED)
	$(BIN)/python tools/notebooks.py run

lab: $(INSTALLED)
	$(BIN)/jupyter lab --config=tools/serving/jupyter_config.py notebooks

# For class: both explorers as a page without code, for several visitors at once.
app: $(INSTALLED)
	$(BIN)/python tools/app.py

# While editing: style, types, examples in docstrings, and the fast tests.
check: $(INSTALLED) lint
	EUROSAT_INPAINT_OFFLINE=1 $(BIN)/python -m pytest --quiet --numprocesses=auto \
		--doctest-modules -m "not slow and not browser and not environment and not faults" \
		eurosat_inpaint tests

# The tests ask the network for no tiles; notebooks run on few synthetic ones. A file stays in one
# process, since the cells of a notebook share a kernel.
test: $(INSTALLED) $(SITE_INSTALLED) $(JAX_INSTALLED) $(COLAB_INSTALLED) lint
	EUROSAT_INPAINT_OFFLINE=1 EUROSAT_INPAINT_PROFILE=smoke \
	$(BIN)/python -m pytest --numprocesses=auto --dist=loadscope --doctest-modules -m "not faults" \
		--nbval-lax --nbval-current-env --nbval-cell-timeout=120 \
		eurosat_inpaint tests notebooks/*.ipynb notebooks/exercises notebooks/solutions

# The long campaigns of docs/reliability.md: kills, thousands of calls, half an hour.
faults: $(INSTALLED)
	EUROSAT_INPAINT_OFFLINE=1 $(BIN)/python -m pytest --numprocesses=auto --durations=20 -m faults

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# For those who edit: text sources to executed notebooks; NOTEBOOK=06 builds one.
notebooks: $(INSTALLED)
	$(BIN)/python tools/exercises.py
	$(BIN)/python tools/notebooks.py build "$$NOTEBOOK"

# For lecturers: every picture of the notebooks as a file, in build/figures.
figures: $(INSTALLED)
	$(BIN)/python tools/figures.py

# For a room without a network: one zip with all packages, in build/; EUROSAT_INPAINT_DATA=... puts
# the tiles in.
classroom: $(INSTALLED)
	$(BIN)/python tools/classroom.py

# All of it as a site in build/site, with the explorer; it works from a folder, but for the explorer.
site: $(SITE_INSTALLED)
	$(BIN)/python tools/build_site.py

# For the owner: the repository's address into pyproject.toml, notebooks and README.
publish: $(INSTALLED)
	$(BIN)/python tools/publish.py "$$REPOSITORY"

setup: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable ".[notebooks,app,test]"
	touch $@

# Beside the rest: what only the site takes.
$(SITE_INSTALLED): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable ".[site]"
	touch $@

# Without TensorFlow: what networks and metrics need where JAX is the only backend of Keras.
$(JAX_INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-jax
	$(JAX_BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt jax keras numpy pillow scikit-image scipy \
		tqdm filelock platformdirs
	$(JAX_BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

# As in Colab before the first cell: versions of others, among them ipywidgets 7, and no package of
# ours. What is then installed is written down, to be compared with.
$(COLAB_INSTALLED): tests/lowest_versions.txt
	$(PYTHON) -m venv --clear .venv-colab
	$(COLAB_BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $<
	$(COLAB_BIN)/python -m pip freeze > $@

clean:
	rm -rf .venv .venv-jax .venv-colab build site/node_modules

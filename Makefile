# make demo    the whole job on the sample corpus       make test       format, lint, types, tests
# make bench   what measures speed and memory           make test-slow  the tests that take longer
# make fuzz    damaged files of every kind, 2 minutes   make docs       the documentation as a site, in site/
# make test-oracles  the tests that compare with other programs
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := runs/sample

DOCS := .venv-docs
ORACLES := .venv-oracles

.PHONY: install demo test test-slow test-oracles fuzz bench docs format clean

install: $(VENV)/.installed

# torch comes first, by itself: on a machine whose package index offers a CPU build it is not replaced by a larger one.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mtkit needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt hatchling editables
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt rouge-score
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-build-isolation \
		--editable '.[langid,mtdata,repair,report,tensorboard]' ruff mypy pytest pytest-xdist hypothesis \
		types-defusedxml types-PyYAML types-tqdm
	@touch $@

# Each command is what a user would type; running it again goes on where it stopped.
demo: install
	$(BIN)/mtkit preprocess -c recipes/sample/recipe.yaml
	$(BIN)/mtkit train -c recipes/sample/recipe.yaml -o $(DEMO)
	$(BIN)/mtkit translate -m $(DEMO) -i data/test.en -o $(DEMO)/test.hyp.de
	$(BIN)/mtkit evaluate --hyp $(DEMO)/test.hyp.de --ref data/test.de --src data/test.en -l en-de --min-bleu 70
	@echo
	@for n in 1 101 201 301 401; do \
		for side in "source      data/test.en" "translation $(DEMO)/test.hyp.de" "reference   data/test.de"; do \
			set -- $$side; printf '%-12s' $$1; sed -n "$${n}p" $$2; done; echo; done
	@echo "The model lies in $(DEMO)/model. Translate your own text with:"
	@echo "  echo 'Where is the station?' | $(BIN)/mtkit translate -m $(DEMO)"

test: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --durations=10
	@echo "what depends on the processor, as on one with bf16 and as on an older one:"
	MTKIT_TEST_BF16=yes $(BIN)/python -m pytest -n 2 -q -m "processor and not slow and not gpu and not network and not oracle"
	MTKIT_TEST_BF16=no ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 $(BIN)/python -m pytest -n 2 -q -m "processor and not slow and not gpu and not network and not oracle"

test-slow: install
	$(BIN)/python -m pytest -m "slow and not gpu and not network and not oracle" --durations=10

# An environment of its own, so that mtkit is seen to need nothing of these programs. torch comes first, as above.
$(ORACLES)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(ORACLES)
	$(ORACLES)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(ORACLES)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt hatchling editables
	$(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["oracles"])' \
		| xargs $(ORACLES)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--no-build-isolation --editable .
	@touch $@

test-oracles: $(ORACLES)/.installed
	$(ORACLES)/bin/python -m pytest -m "oracle and not gpu and not network" --durations=10 tests/oracles

# Files of every kind damaged at random; another seed damages otherwise.
SECONDS ?= 120
SEED ?= 1
fuzz: install
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) --seed $(SEED)

bench: install
	$(BIN)/python -m benchmarks

# An environment of its own, so that the tests need nothing of it. The pages open without a server; their search needs one.
$(DOCS)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(DOCS)
	$(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["docs"])' \
		| xargs $(DOCS)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt
	@touch $@

docs: $(DOCS)/.installed
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --quiet --strict
	@echo "site/index.html is the first page; with search: $(PYTHON) -m http.server --directory site"

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) $(DOCS) $(ORACLES) site .mypy_cache .ruff_cache .pytest_cache

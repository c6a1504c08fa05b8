# Each line below is a command that anyone can type; README.md gives them for Windows and for environments of your own.
BIN := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PYTHON := $(BIN)/python
LOCAL_UV := build/uv/$(notdir $(BIN))/uv
# The `uv` of this machine, or one that stands in build/uv; asked only when something is to be set up.
UV = $(shell uv --version >/dev/null 2>&1 && echo uv || echo $(LOCAL_UV))
COMPILE = $(UV) pip compile --quiet --universal --generate-hashes --no-header
ensure_uv = @$(UV) --version >/dev/null 2>&1 || \
	{ python3 -m venv build/uv && build/uv/$(notdir $(BIN))/python -m pip install --quiet uv; }

.PHONY: help lab run test browser edit notebooks site bench lock

help:
	@echo "make lab         set up once, then open lesson 00 in JupyterLab"
	@echo "make run         run every lesson without the internet; pages in build/lessons/   [LESSONS=\"01 04\"]"
	@echo "make test        lint, unit tests, and every lesson with its answers   [LESSONS=\"01 04\"]"
	@echo "make browser     every lesson in JupyterLab, in a real browser (make test opens two)"
	@echo "for authors:"
	@echo "make edit        open the lessons' sources in JupyterLab"
	@echo "make notebooks   build notebooks/*.ipynb from notebooks/src/*.py   [LESSONS=\"01 04\"]"
	@echo "make site        the course as pages for the web, in build/site/"
	@echo "make bench       the side-by-side measurements of benchmarks/"
	@echo "make lock        choose the newest versions of all dependencies for the two locks"

lab: .venv/.ready
	$(PYTHON) -m course_utils lab

run: .venv/.ready
	$(PYTHON) -m course_utils run $(LESSONS)

test: .venv/.dev
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -m pytest
	$(PYTHON) tools/build_notebooks.py --test $(LESSONS)

# -m "" takes away the choice of two lessons that pyproject.toml makes for `make test`.
browser: .venv/.dev
	COURSE_TEST_BROWSER=required $(PYTHON) -m pytest -m "" tests/browser

edit: .venv/.ready
	$(PYTHON) -m course_utils lab --sources

notebooks: .venv/.dev
	$(PYTHON) tools/build_notebooks.py $(LESSONS)

site: .venv/.dev
	$(PYTHON) tools/build_site.py $(if $(RUNS),--runs $(RUNS))

bench: .venv/.dev
	$(PYTHON) benchmarks

lock:
	$(ensure_uv)
	$(COMPILE) --upgrade --all-extras pyproject.toml -o requirements-dev.lock
	$(COMPILE) --extra lab --constraints requirements-dev.lock pyproject.toml -o requirements.lock

# The environment .venv, in steps that only ever add: what a learner needs, this package with the drawn pictures, and
# what maintainers need. A step is done again when what it is made from has changed.
# --python is always named: without it uv would work in whatever environment happens to be active.
.venv/.packages: requirements.lock
	@echo "Setting up .venv (about 5.5 GB on Linux, once) ..."
	$(ensure_uv)
	test -x $(PYTHON) || $(UV) venv .venv
	$(UV) pip install --python .venv --require-hashes --requirement requirements.lock
	@touch $@

.venv/.ready: .venv/.packages pyproject.toml
	$(ensure_uv)
	$(UV) pip install --python .venv --no-deps --no-build-isolation --editable .
	$(PYTHON) -m course_utils data drawn
	@touch $@

.venv/.dev: .venv/.ready requirements-dev.lock
	$(ensure_uv)
	$(UV) pip install --python .venv --require-hashes --requirement requirements-dev.lock
	@touch $@

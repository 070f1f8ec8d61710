# The two commands that matter: `make repro` and `make test`. Both install what is missing first.
.DEFAULT_GOAL := help
.PHONY: help setup repro test lint lock clean
BIN := .venv/bin

help: ## list what can be made
	@grep -E '^[a-z]+: .*## ' Makefile | sed 's/:.*## /:/' | while IFS=: read -r name words; do \
		printf '  make %-8s %s\n' "$$name" "$$words"; done

setup: ## install the packages and programs that the pipeline needs
	@./setup.sh

repro: setup ## run the whole pipeline and print the comparison
	@PATH="$(CURDIR)/$(BIN):$$PATH" dvc repro
	@$(BIN)/tutti summary

test: lint ## check style and types, and run every test
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n 2 --dist worksteal

lint: ## check style and types only
	@./setup.sh dev
	@$(BIN)/ruff check .
	@$(BIN)/mypy

lock: ## resolve the dependencies of pyproject.toml again
	@./setup.sh dev
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-emit-index-url --no-annotate --no-header \
		pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-emit-index-url --no-annotate --no-header \
		--extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean: ## remove all that the pipeline and the tools made, except .venv, the DVC cache and MLflow's store
	@find metrics -mindepth 1 -maxdepth 1 ! -name comparison.csv ! -name experiments -exec rm -rf {} +
	@rm -rf data models .mypy_cache .pytest_cache .ruff_cache build *.egg-info
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

PYTHON ?= python3
BIN := .venv/bin
export HF_HUB_DISABLE_TELEMETRY := 1
export GRADIO_ANALYTICS_ENABLED := False

.PHONY: demo test check format train-smoke bench bench-full bench-memory screenshots

demo: .venv/demo ## start the app with the embedded model on http://127.0.0.1:7860
	$(BIN)/python app.py $(ARGS)

test: .venv/dev ## run every test
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/python -m pytest --numprocesses auto $(ARGS)

check: .venv/dev ## what CI runs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) test

format: .venv/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/demo: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement requirements.txt
	touch $@

.venv/dev: requirements.txt requirements-cuda.txt requirements-train.txt requirements-dev.txt tests/package-lock.json
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement requirements-dev.txt
	if command -v npm >/dev/null; then npm ci --silent --no-audit --no-fund --prefix tests; else echo "no npm: the axe tests will be skipped"; fi
	touch $@

train-smoke: .venv/train ## all training stages in minutes: killed, resumed, evaluated
	HF_HUB_OFFLINE=1 $(BIN)/python -m internvl.training.smoke $(ARGS)

bench: .venv/dev ## speed against the official flow; bench-full measures everything
	HF_HUB_OFFLINE=1 $(BIN)/python -m benchmarks.speed $(ARGS)

bench-full: .venv/dev
	HF_HUB_OFFLINE=1 $(BIN)/python -m benchmarks.speed --full $(ARGS)
	for part in int8 growth profiles; do HF_HUB_OFFLINE=1 $(BIN)/python -m benchmarks.$$part || exit 1; done

bench-memory: .venv/dev ## what answers take of the memory, against what was promised
	HF_HUB_OFFLINE=1 $(BIN)/python -m benchmarks.memory $(ARGS)

screenshots: .venv/dev ## the README's pictures, by a walk through the page
	HF_HUB_OFFLINE=1 $(BIN)/python -m benchmarks.screenshots $(ARGS)

.venv/train: requirements.txt requirements-train.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement requirements-train.txt
	touch $@

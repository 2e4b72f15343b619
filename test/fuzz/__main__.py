"""Fuzz one parser, guided by coverage: python -m test.fuzz TARGET [--seconds 60] [--new FOLDER]

Needs `pip install atheris`.  What finds new paths is put into FOLDER (default: thrown away); an input that breaks the
parser ends the run, is printed and written to the working folder as crash-...; keep it in test/fuzz/corpus/TARGET.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

CORPUS = Path(__file__).with_name("corpus")


def main() -> None:
    import atheris

    with atheris.instrument_imports(include=["ucloud", "uvideo"]):
        from test.fuzz.targets import SEEDS, TARGETS
    parser = argparse.ArgumentParser(prog="test.fuzz", description=__doc__)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--new", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        new = options.new or Path(folder) / "new"
        new.mkdir(parents=True, exist_ok=True)
        seeds = Path(folder) / "seeds"
        seeds.mkdir()
        for number, data in enumerate(SEEDS[options.target]):
            (seeds / str(number)).write_bytes(data)
        kept = CORPUS / options.target
        folders = [str(new), str(seeds), *([str(kept)] if kept.is_dir() else [])]
        arguments = [f"-max_total_time={options.seconds}", "-max_len=4096", "-timeout=10", "-rss_limit_mb=1024"]
        atheris.Setup([sys.argv[0], *arguments, *folders], TARGETS[options.target])
        atheris.Fuzz()


if __name__ == "__main__":
    main()

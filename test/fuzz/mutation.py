"""Inputs made of right ones with a few things wrong, by a seeded dice: for runs without atheris."""

from __future__ import annotations

import random
from collections.abc import Iterator

WORDS = (
    *(
        b"\r\n",
        b"\n",
        b"\n\n",
        b"\0",
        b" ",
        b"%",
        b"%zz",
        b"%ff",
        b"%00",
        b"/",
        b"//",
        b"..",
        b"?",
        b"&",
        b"=",
        b"+",
        b":",
    ),
    *(
        b"-1",
        b"0",
        b"9" * 40,
        b"1e9",
        b"null",
        b"true",
        b"[]",
        b"{}",
        b'"',
        b"\\u0000",
        b"\\ud800",
        b"[" * 2000,
        b"NaN",
    ),
    *(
        b"\xff\xfe",
        "视频".encode(),
        "\u202e".encode(),
        b"\x1b[31m",
        b"A" * 3000,
        b"bytes=0-",
        b"uploadId",
        b"partNumber",
    ),
    *(b"Signature", b"UCloudPublicKey", b"Expires", b"Action", b"application/json", b"--b", b"--b--", b'name="file"'),
)


def inputs(seeds: list[bytes], count: int, seed: int) -> Iterator[bytes]:
    """``count`` inputs, after the seeds themselves."""
    yield from seeds
    dice = random.Random(seed)
    for _ in range(count):
        data = bytearray(dice.choice(seeds))
        for _ in range(dice.randrange(1, 5)):
            at = dice.randrange(len(data) + 1)
            what = dice.randrange(6)
            if what == 0:
                data[at:at] = dice.choice(WORDS)
            elif what == 1:
                del data[at : at + dice.randrange(1, 40)]
            elif what == 2 and at < len(data):
                data[at] = dice.randrange(256)
            elif what == 3:
                other = dice.choice(seeds)
                start = dice.randrange(len(other) + 1)
                data[at : at + dice.randrange(20)] = other[start : start + dice.randrange(60)]
            elif what == 4 and at < len(data):
                data[at] ^= 1 << dice.randrange(8)
            else:
                data[at : at + dice.randrange(8)] = dice.choice(WORDS)
        yield bytes(data)

"""The console in Chromium: the first paint of a large folder, and the tasks of the page while tiles are scrolled.

python -m bench.console [--rounds 5] [--objects 10000] [--pictures 400] [--beside TREE]

Needs what `make test-browser` installs.  The first paint is the time from the start of the navigation to the frame that
shows the first row, in a browser that has the page in its cache, as a second visit has.  A long task is one that the
browser reports: it held the page for more than 50 ms.  --beside: another checkout, whose console is measured in turn
with this one, so that a busy machine does the same to both.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime
import io
import os
import platform
import statistics
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from test.browser.conftest import FLAGS, Console
from test.server.wire import Peer
from test.server_fixture import ROOT, Server, start_server
from ucloud.uvideo.protocol import operation
from uvideo import AsyncClient

AT_ONCE = 16
STEPS, STEP = 60, 400  # so often so many pixels
#: Runs before any script of a page.
WATCH = """
  window.tasks = [];
  new PerformanceObserver(list => { for (const each of list.getEntries()) tasks.push(each.duration); })
    .observe({ type: "longtask", buffered: true });
  const seen = () => {
    if (!document.querySelector(".rows .row")) return requestAnimationFrame(seen);
    requestAnimationFrame(() => { window.painted = performance.now(); });
  };
  requestAnimationFrame(seen);
"""


def picture(number: int) -> bytes:
    """A photograph's size and detail, different each time."""
    noise = Image.effect_noise((480, 270), 40 + number % 60).resize((1920, 1080))
    into = io.BytesIO()
    Image.merge("RGB", (noise, noise.rotate(180), noise)).save(into, "JPEG", quality=85)
    return into.getvalue()


async def fill(server: Server, objects: int, pictures: int) -> None:
    gate = asyncio.Semaphore(AT_ONCE)
    async with AsyncClient(server.public_key, server.private_key, endpoint=server.endpoint) as client:

        async def put(key: str, data: bytes) -> None:
            async with gate:
                await client.put("large", key, data)

        await asyncio.gather(*(put(f"many/{number:05}.txt", b"text") for number in range(objects)))
        photographs = [picture(number) for number in range(20)]
        await asyncio.gather(
            *(put(f"tiles/{number:04}.jpg", photographs[number % len(photographs)]) for number in range(pictures))
        )


def first_paint(console: Console) -> tuple[float, float]:
    """Milliseconds until the first row is shown, and of the longest task until then."""
    page = console.open()
    page.context.add_init_script(WATCH)
    page.goto(console.address + "#/s/large/many/")
    page.reload()
    page.wait_for_selector(".rows .row")
    page.wait_for_timeout(200)
    painted, tasks = page.evaluate("painted"), page.evaluate("tasks")
    page.context.close()
    return painted, max(tasks, default=0.0)


def scroll(console: Console) -> list[float]:
    """Milliseconds of each long task while tiles are scrolled."""
    page = console.open()
    page.context.add_init_script(WATCH)
    page.goto(console.address + "#/s/large/tiles/")
    page.reload()
    page.get_by_role("button", name="Show as tiles").click()
    page.wait_for_selector(".rows .row")
    page.wait_for_timeout(1000)
    page.evaluate("tasks.length = 0")
    page.mouse.move(640, 400)
    for _ in range(STEPS):
        page.mouse.wheel(0, STEP)
        page.wait_for_timeout(50)
    page.wait_for_timeout(1000)
    found: list[float] = page.evaluate("tasks")
    page.context.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.console", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--beside", type=Path)
    options = parser.parse_args()
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"# {datetime.date.today()}  {platform.machine()}, {os.cpu_count()} cores, load {load}")
    trees = {"": ROOT} if options.beside is None else {"before: ": options.beside.resolve(), "now: ": ROOT}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = list[Server]()
        for number, tree in enumerate(trees.values()):
            started = start_server(folder / str(number), "--no-fsync", anew=True, command=("env", "-C", str(tree)))
            servers.append(stack.enter_context(started))
            Peer(servers[-1]).manage(operation.CreateSpace("large", type="private"))
            asyncio.run(fill(servers[-1], options.objects, options.pictures))
        playwright = stack.enter_context(sync_playwright())
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        consoles = [Console(server, Peer(server), browser) for server in servers]
        paints = list(zip(*([first_paint(each) for each in consoles] for _ in range(options.rounds)), strict=True))
        scrolls = list(zip(*([scroll(each) for each in consoles] for _ in range(options.rounds)), strict=True))
        browser.close()
    medians = [statistics.median(each for each, _ in found) for found in paints]
    for name, median, found, tasks in zip(trees, medians, paints, scrolls, strict=True):
        print(
            f"{name}first paint of {options.objects} objects: median {median:.0f} ms,"
            f" {', '.join(f'{each:.0f}' for each, _ in found)}; longest task {max(each for _, each in found):.0f} ms"
        )
        print(
            f"{name}scrolling {options.pictures} tiles: long tasks of each round: "
            f"{'; '.join(', '.join(f'{each:.0f}' for each in one) or 'none' for one in tasks)} ms"
        )
    if options.beside is not None:
        print(f"first paint now / before: {medians[1] / medians[0]:.2f}")


if __name__ == "__main__":
    main()

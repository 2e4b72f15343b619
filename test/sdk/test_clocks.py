# -*- coding: utf-8 -*-
"""The contract of clocks, for the SDK: connection_timeout for its calls, and all limits for what carries them.

The limit is short; every other one, and the peer's patience, is so long that a call which ends was ended by the limit.
"""

from __future__ import absolute_import, division, print_function

import io
import os
import shutil
import tempfile
import threading
import time

from ucloud.uvideo import config, filemanager
from ucloud.uvideo.engine.carrier import carrier_of
from ucloud.uvideo.engine.retry import Retry
from ucloud.uvideo.http import pool
from ucloud.uvideo.http.connection import Pace
from ucloud.uvideo.protocol.errors import NoAnswer
from ucloud.uvideo.protocol.message import Headers, Request

from .dead import Dead, Names
from .peer import PEM, Peer
from .phases import LARGE, PHASES, Script
from .test_transport import Case

SHORT, LONG, OTHERS = 0.15, 30.0, 60.0


class Clocks(Case):
    def check(self, rows, call):
        """``call(row, peer)`` of each row, all at once: what it gives must be None, in time."""
        wrong, threads = {}, []

        def work(row):
            script = Script(row[1], int(row[2]))
            peer = Peer(script, room=4096)
            try:
                began = time.time()
                try:
                    found = call(row, peer)
                except Exception as error:
                    found = repr(error)
                if found is not None or time.time() - began >= LONG:
                    wrong[(row[0], row[1].name, row[2])] = found
            finally:
                script.over.set()
                peer.close()

        for row in rows:
            threads.append(threading.Thread(target=work, args=(row,)))
            threads[-1].start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, {})

    def test_no_request_outlasts_a_limit(self):
        def call(row, peer):
            limit, phase, used = row
            pipes = pool.Transport(OTHERS, proxy="")
            try:
                if used:
                    pipes.send(Request("HEAD", peer.origin, "/", Headers(), b""))
                if limit == "timeout":
                    pipes.pace = Pace(SHORT)
                method, body = ("PUT", LARGE) if phase.call == "put" else ("GET", b"")
                request = Request(method, peer.origin, "/", Headers(), body)
                try:
                    pipes.send(request, None, None if limit == "timeout" else SHORT)
                    return "it came to its end"
                except NoAnswer as error:
                    if error.late is not (limit == "seconds") or error.stale:
                        return repr(error)
            finally:
                pipes.close()

        self.check(
            [
                (limit, phase, used)
                for phase in PHASES
                for limit in ("timeout", "seconds")
                if phase.silent or limit == "seconds"
                for used in (False, True)
            ],
            call,
        )

    def test_no_call_of_a_handler_outlasts_connection_timeout(self):
        config.set_default(connection_timeout=OTHERS, retries=0)

        def call(row, peer):
            _, phase, used = row
            handler = filemanager.FileManager("public", "private")
            with lock:
                config.set_default(uploadsuffix=peer.host, downloadsuffix=peer.host)
                carrier = carrier_of(handler)
            if used:
                carrier.transport.send(Request("HEAD", peer.origin, "/", Headers(), b""))
            carrier.transport.pace, carrier.retry = Pace(SHORT), Retry(0)
            if phase.call == "get":
                _, resp = handler.download_file("space", "k", os.path.join(folder, "%d" % id(row)))
            else:
                _, resp = handler.putstream("space", "k", io.BytesIO(LARGE))
            carrier.transport.close()
            return None if resp.status_code == -1 and "no data" in resp.error else repr(resp)

        lock, folder = threading.Lock(), tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.check([("timeout", phase, used) for phase in PHASES if phase.silent for used in (False, True)], call)

    def test_no_way_to_a_connection_outlasts_a_limit(self):
        def call(row, peer, host=None, **options):
            pipes = pool.Transport(OTHERS, connect_timeout=SHORT if row[0] == "connect" else OTHERS, **options)
            request = Request("GET", host or "https://" + peer.host, "/", Headers(), b"")
            try:
                pipes.send(request, None, None if row[0] == "connect" else SHORT)
                return "it came to its end"
            except NoAnswer as error:
                return repr(error) if error.sent or error.late is not (row[0] == "seconds") else None
            finally:
                pipes.close()

        silent = next(each for each in PHASES if each.name == "no head")
        trickling = next(each for each in PHASES if each.name == "a head byte by byte")
        rows = [(limit, silent, False) for limit in ("connect", "seconds")]
        with Names(h_test=None), Dead() as dead:
            self.check(rows, lambda row, peer: call(row, peer, "http://h.test", proxy=""))
            self.check(rows, lambda row, peer: call(row, peer, "http://" + dead.host, proxy=""))
            self.check(rows, lambda row, peer: call(row, peer, proxy="", authorities=PEM))
            for phase in (silent, trickling):
                each = [(limit, phase, False) for limit in ("connect", "seconds")]
                self.check(each, lambda row, peer: call(row, peer, "https://x.test", proxy="http://" + peer.host))

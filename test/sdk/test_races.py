# -*- coding: utf-8 -*-
"""Connecting: a dead address does not take the others' time, and a look-up that hangs is left behind."""

from __future__ import absolute_import, division, print_function

import os
import select
import socket
import threading

from ucloud.uvideo.engine.cancel import Interrupt
from ucloud.uvideo.http import address, race
from ucloud.uvideo.http.connection import Pace
from ucloud.uvideo.protocol.errors import Cancelled
from ucloud.uvideo.protocol.message import Headers, Request

from .dead import Dead, Names
from .peer import answer
from .test_transport import Case, again

DESCRIPTORS = "/proc/self/fd"


def found(family, where):
    return (family, socket.SOCK_STREAM, 6, "", (where, 80))


class Orders(Case):
    def test_families_take_turns_beginning_with_the_first(self):
        four, six = socket.AF_INET, socket.AF_INET6
        given = [found(six, "a"), found(six, "b"), found(six, "c"), found(four, "d")]
        self.assertEqual([each[4][0] for each in address.in_turn(given)], ["a", "d", "b", "c"])
        self.assertEqual([each[4][0] for each in address.in_turn(given[::-1])], ["d", "c", "b", "a"])
        self.assertEqual(address.in_turn([]), [])
        self.assertEqual(len(address.in_turn([found(four, str(n)) for n in range(1000)])), address.MOST)

    def test_all_of_many_addresses_have_their_turn(self):
        for count, seconds in ((2, 10.0), (32, 10.0), (2, 0.1)):
            pause = address.seconds_between(seconds, count)
            self.assertTrue(pause <= address.STAGGER and pause * (count - 1) < seconds / 2, (count, seconds))

    def test_an_address_is_not_looked_up(self):
        with Names():
            for name in ("127.0.0.1", "::1", "fe80::1%lo"):
                self.assertTrue(address.known(name, 80), name)
            for name in ("999.0.0.1", "1:2:3", "a" * 64 + ".test"):
                self.assertRaises(address.ConnectError, lambda name=name: address.known(name, 80) or self.fail(name))
            for name in ("localhost", "abc.def", "1.2.3", u"b\xfccher.test"):
                self.assertIsNone(address.known(name, 80), name)


class Races(Case):
    def setUp(self):
        super(Races, self).setUp()
        self.live = self.peer(again(answer(b"it")))
        self.addCleanup(setattr, address, "STAGGER", address.STAGGER)
        address.STAGGER = 0.02

    def ask(self, name, port=None, timeout=60, **options):
        request = Request("GET", "http://%s:%d" % (name, port or self.live.port), "/", Headers(), b"")
        return self.transport(timeout, proxy="").send(request, **options).body

    def refused(self, name, text, **options):
        origin = "http://%s:%d" % (name, options.pop("port", self.live.port))
        request = Request("GET", origin, "/", Headers(), b"")
        pipes = self.transport(options.pop("timeout", 60), proxy="", connect_timeout=options.pop("connect", None))
        return self.assertNoAnswer(pipes, request, text, sent=False, **options)

    def test_a_dead_address_does_not_take_the_time_of_the_next(self):
        with Dead("127.0.0.2", self.live.port), Names(two_test=["127.0.0.2", "127.0.0.1"]):
            self.assertEqual(self.ask("two.test"), b"it")

    def test_not_even_if_there_is_little(self):
        with Dead("127.0.0.2", self.live.port), Names(two_test=["127.0.0.2"] * 9 + ["127.0.0.1"]):
            self.assertEqual(self.ask("two.test", seconds=5), b"it")

    def test_the_next_one_follows_at_once_where_one_refuses(self):
        real = address.seconds_between
        self.addCleanup(setattr, address, "seconds_between", real)
        address.seconds_between = lambda left, count: 3600.0
        with Names(two_test=["127.0.0.3", "127.0.0.4", "127.0.0.1"]):
            self.assertEqual(self.ask("two.test"), b"it")

    def test_what_lost_is_closed(self):
        if not os.path.isdir(DESCRIPTORS):
            return
        with Dead("127.0.0.2", self.live.port), Names(two_test=["127.0.0.2", "127.0.0.3", "127.0.0.1"]):
            before = len(os.listdir(DESCRIPTORS))
            made = race.connect("two.test", self.live.port, Pace(60, 60))
            made.close()
            self.assertEqual(self.ask("two.test"), b"it")
            for _ in range(3):
                self.refused("127.0.0.2", "no connection in time", connect=0.05)
            for each in self.live.calls:
                each.close()
            self.assertLessEqual(len(os.listdir(DESCRIPTORS)), before + len(self.live.calls) + 1)

    def test_where_all_are_dead_it_ends_in_time(self):
        with Dead("127.0.0.2", self.live.port), Names(two_test=["127.0.0.2", "127.0.0.2"]):
            self.refused("two.test", "no connection in time", connect=0.1)
            self.assertTrue(self.refused("two.test", "no connection in time", seconds=0.1).late)

    def test_where_all_refuse_the_last_reason_is_said(self):
        with Names(two_test=["127.0.0.3", "127.0.0.4"]):
            self.refused("two.test", "no connection: Connection refused")

    def test_an_interrupt_ends_it_at_once(self):
        with Dead("127.0.0.2", self.live.port), Names(two_test=["127.0.0.2"] * 2, stuck_test=None) as names:
            for name in ("two.test", "stuck.test"):
                interrupt = Interrupt()
                timer = threading.Timer(0.05, interrupt.cancel)
                timer.start()
                with self.assertRaises(Cancelled):
                    self.ask(name, interrupt=interrupt)
                timer.join()
                self.assertEqual(interrupt.wakes, [])
                with self.assertRaises(Cancelled):  # and one that is set already
                    self.ask(name, interrupt=interrupt)
            self.assertIn("stuck.test", names.asked)

    def test_a_look_up_that_hangs_is_left_behind(self):
        with Names(stuck_test=None) as names:
            for _ in range(3):
                self.refused("stuck.test", "no connection in time", connect=0.05)
                self.refused("stuck.test", "no connection in time", seconds=0.05)
            self.assertEqual(names.asked, ["stuck.test"])  # one serves all who ask
            self.assertEqual([each.daemon for each in threading.enumerate() if each.name == "look-up"], [True])

    def test_without_a_thread_for_it_the_name_is_looked_up_all_the_same(self):
        with Names(live_test=["127.0.0.1"]) as names:
            for failure in (threading.ThreadError("can't start new thread"), RuntimeError("can't start new thread")):
                with Unstartable(failure):
                    self.assertEqual(address.look_up("live.test", 80).addresses()[0][4], ("127.0.0.1", 80))
            with Unstartable(KeyboardInterrupt()):
                self.assertRaises(KeyboardInterrupt, address.look_up, "live.test", 80)
            self.assertEqual(address.under_way, {})  # nobody waits for what never began
        self.assertEqual(names.asked, ["live.test"] * 2)

    def test_a_limit_longer_than_poll_takes_is_one(self):
        with Dead("127.0.0.2", self.live.port):
            interrupt = Interrupt()
            timer = threading.Timer(0.05, interrupt.cancel)
            timer.start()
            with self.assertRaises(Cancelled):
                self.ask("127.0.0.2", timeout=9 * 10 ** 6, interrupt=interrupt)
            timer.join()

    def test_a_name_that_nobody_knows_is_said_each_time(self):
        with Names(nobody_test=[]) as names:
            for _ in range(2):
                self.refused("nobody.test", "does not resolve (nobody knows it)")
        self.assertEqual(names.asked, ["nobody.test"] * 2)


class Unstartable(object):
    """``with`` it no thread starts: the failure comes instead."""

    def __init__(self, failure):
        self._failure, self._real = failure, threading.Thread.start

    def __enter__(self):
        def start(_):
            raise self._failure

        threading.Thread.start = start

    def __exit__(self, *_):
        threading.Thread.start = self._real


class Selected(Races):
    """Likewise where there is no poll: on Windows, and where eventlet took it away.

    Windows tells of a connection that failed in the third set only.
    """

    def setUp(self):
        super(Selected, self).setUp()
        if not hasattr(select, "poll"):
            return
        poll, real = select.poll, select.select
        self.addCleanup(setattr, select, "poll", poll)
        self.addCleanup(setattr, select, "select", real)
        del select.poll

        def as_on_windows(reading, writing, failing, seconds):
            readable, writable, _ = real(reading, writing, [], seconds)
            good = [each for each in writable if connected(each)]
            return readable, good, [each for each in writable if each not in good and each in failing]

        select.select = as_on_windows


def connected(descriptor):
    made = socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.getpeername()
        return True
    except EnvironmentError:
        return False
    finally:
        made.close()

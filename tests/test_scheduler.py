import threading

import pytest

from internvl.engines.base import QueueFull, Waiting
from internvl.engines.scheduler import Scheduler


def run(ticket, log, name, steps):
    for _ in range(steps):
        for _ in ticket.wait():
            pass
        with ticket.step():
            log.append(name)
    ticket.leave()


def test_answers_take_turns():
    scheduler = Scheduler()
    log = []
    start = scheduler.enter(answer=True)
    list(start.wait())  # nobody runs before all are waiting
    tickets = {name: scheduler.enter(answer=True) for name in "abc"}
    threads = [
        threading.Thread(target=run, args=(ticket, log, name, 50))
        for name, ticket in tickets.items()
    ]
    for thread in threads:
        thread.start()
    while len(scheduler._ready) < 3:
        pass
    with start.step():
        pass
    start.leave()
    for thread in threads:
        thread.join()
    assert sorted(log) == sorted("abc" * 50)
    # while all three have steps to do, nobody is more than a few steps ahead
    shortest = log[:60]
    counts = [shortest.count(name) for name in "abc"]
    assert max(counts) - min(counts) <= 6


def test_preparation_lets_answers_go_first():
    scheduler = Scheduler()
    answer = scheduler.enter(answer=True)
    list(answer.wait())
    with answer.step():
        pass
    preparation = scheduler.enter(answer=False)
    waiting = preparation.wait()
    assert next(waiting) == Waiting(1)  # the answer is between two steps
    list(answer.wait())
    with answer.step():
        pass
    answer.leave()
    for _ in waiting:
        pass
    with preparation.step():
        pass


def test_preparation_goes_on_while_an_answer_has_no_reader(monkeypatch):
    monkeypatch.setattr("internvl.engines.scheduler.QUIET", 0.0)
    scheduler = Scheduler()
    scheduler.enter(answer=True)
    preparation = scheduler.enter(answer=False)
    for _ in preparation.wait():
        pass
    with preparation.step():
        pass


def test_those_in_line_know_their_place_and_move_up():
    scheduler = Scheduler(active=1, waiting=2)
    first, second, third = (scheduler.enter(answer=True) for _ in range(3))
    assert next(second.wait()) == Waiting(1)
    waiting = third.wait()
    assert next(waiting) == Waiting(2)
    with pytest.raises(QueueFull, match="3 questions"):
        scheduler.enter(answer=True)
    second.leave()
    assert next(waiting) == Waiting(1)
    first.leave()
    assert list(waiting) == []
    with third.step():
        pass


def test_those_in_line_hear_how_long_answers_have_lasted(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("internvl.engines.scheduler.time.monotonic", lambda: now[0])
    scheduler = Scheduler(active=2)
    for lasted in (30.0, 50.0):
        now[0] += 1
        ticket = scheduler.enter(answer=True)
        list(ticket.wait())
        with ticket.step():
            now[0] += lasted
        ticket.leave()
    for _ in range(2):
        scheduler.enter(answer=True)
    line = [scheduler.enter(answer=True) for _ in range(2)]
    assert [next(ticket.wait()) for ticket in line] == [Waiting(1, 20.0), Waiting(2, 40.0)]


def test_a_closed_wait_leaves_nothing_behind():
    scheduler = Scheduler()
    busy, other, last = (scheduler.enter(answer=True) for _ in range(3))
    list(busy.wait())
    waiting = other.wait()
    next(waiting)
    waiting.close()
    other.leave()
    with busy.step():
        pass
    assert list(last.wait()) == []


def test_a_failed_step_frees_the_machine():
    scheduler = Scheduler()
    first, second = scheduler.enter(answer=True), scheduler.enter(answer=True)
    list(first.wait())
    with pytest.raises(ZeroDivisionError), first.step():
        raise ZeroDivisionError
    assert list(second.wait()) == []

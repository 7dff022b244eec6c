"""Requests for predictions are counted by key, so that one holder leaves others their turn."""

import anyio
import pytest

from tl_core.serving.api import Refused
from tl_core.serving.turns import Pace, Turns


def test_a_key_has_a_limit_of_requests_and_so_have_all_together():
    async def ask() -> None:
        turns = Turns(Pace(each=2, together=3))
        async with turns.place("ann"), turns.place("ann"):
            with pytest.raises(Refused, match="with this key at a time") as refused:
                async with turns.place("ann"):
                    pass
            assert refused.value.status == 429
            async with turns.place("bob"):
                with pytest.raises(Refused, match="Too many requests are waiting") as refused:
                    async with turns.place("eve"):
                        pass
                assert refused.value.status == 503
        async with turns.place("ann"), turns.place("eve"):
            pass

    anyio.run(ask)


def test_requests_that_come_faster_than_the_pace_are_refused():
    async def ask() -> None:
        turns = Turns(Pace(per_second=0.001, burst=3))
        for _ in range(3):
            async with turns.place("ann"):
                pass
        with pytest.raises(Refused, match="Wait a few seconds"):
            async with turns.place("ann"):
                pass
        async with turns.place("bob"):
            pass

    anyio.run(ask)


def test_a_key_has_one_turn_at_a_time_and_another_key_the_other():
    async def ask() -> None:
        turns = Turns(Pace(at_once=2))
        began = anyio.Event()
        answers = []

        async def slow(n: int) -> None:
            async with turns.place("ann"):
                answers.append(await turns.run("ann", lambda: anyio.from_thread.run(hold, n)))

        async def hold(n: int) -> int:
            if n == 0:
                began.set()
                await ended.wait()
            return n

        ended = anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(slow, 0)
            await began.wait()
            group.start_soon(slow, 1)
            async with turns.place("bob"):
                assert await turns.run("bob", lambda: "bob") == "bob"
            assert answers == []
            ended.set()
        assert answers == [0, 1]

    anyio.run(ask)

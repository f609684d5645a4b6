"""The model of many hosts adds up what one costs."""

from __future__ import annotations

import pytest

from benchmarks.capacity import BUSY, CORES, MAILS_A_REQUEST, Cost, Model

NOTHING = Cost()


def model(*, woken: Cost = NOTHING, idle: Cost = NOTHING) -> Model:
    mixed = Cost(web=0.004, mail=0.001, database=0.002)
    return Model(mixed, woken, idle, connections=20)


def test_hosts_that_share_nothing_carry_in_proportion() -> None:
    one = model().webs_carry(1)
    assert one == pytest.approx(CORES * BUSY / 0.005)
    assert model().webs_carry(10) == pytest.approx(10 * one)


def test_one_database_carries_the_same_for_any_number_of_hosts() -> None:
    few, many = (model().database_carries(hosts, 2) for hosts in (1, 100))
    assert few == many == pytest.approx(2 * BUSY / 0.002)
    assert model().database_carries(1, 8) == pytest.approx(4 * few)


def test_each_further_dispatcher_is_woken_for_each_message() -> None:
    woken = Cost(mail=0.003, database=0.001)
    request = model(woken=woken).request(11)
    assert request.mail == pytest.approx(0.001 + 10 * 0.003 * MAILS_A_REQUEST)
    assert request.database == pytest.approx(0.002 + 10 * 0.001 * MAILS_A_REQUEST)
    assert request.web == 0.004


def test_what_hosts_take_at_rest_is_not_there_for_requests() -> None:
    resting = model(idle=Cost(web=0.7, database=0.007))
    assert resting.webs_carry(1) == pytest.approx(model().webs_carry(1) / 2)
    assert resting.database_carries(100, 1) == 0

"""Quantities as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.errors import UserError
from nas_scale.numbers import clock, count, duration, memory, read_bytes, read_count, read_milliseconds


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("400M", 400_000_000),
        ("1.5G", 1_500_000_000),
        ("0.4B", 400_000_000),
        ("5300000", 5_300_000),
        ("5.3m", 5_300_000),
        (" 12 K ", 12_000),
        (".5k", 500),
        ("1e8", 100_000_000),
        ("2T", 2_000_000_000_000),
    ],
)
def test_counts(text: str, value: int) -> None:
    assert read_count(text) == value


@pytest.mark.parametrize(
    "text", ["", "400Q", "M", "-5M", "0", "0.2", "nan", "inf", "1e999", "4 00M", "5ms", "1,5G", "0x10", "1_000", "٣"]
)
def test_what_is_no_count_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UserError) as caught:
        read_count(text)
    assert repr(text) in str(caught.value)
    assert "400M, 1.5G or 5300000" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64MB", 64_000_000),
        ("1.5gb", 1_500_000_000),
        ("512", 512),
        ("3KB", 3000),
        ("3kB", 3000),
        ("7B", 7),
        ("320KiB", 327_680),
        ("320 kib", 327_680),
        ("1.5MiB", 1_572_864),
        ("2GiB", 2_147_483_648),
        ("1TiB", 1_099_511_627_776),
        ("9007199254740993", 9_007_199_254_740_993),
        ("9007199.254740993GB", 9_007_199_254_740_993),
        ("8191.999999999TiB", 9_007_199_254_739_892),
    ],
)
def test_bytes_are_read_exactly(text: str, value: int) -> None:
    assert read_bytes(text) == value


@pytest.mark.parametrize(
    "text", ["5M", "64Mi", "64Mb/s", "KiB", "0KiB", "-1MB", "1e400KiB", "1,5MB", "5 min", "1e-999KiB"]
)
def test_what_is_no_amount_of_memory_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UserError, match="is not an amount of memory") as caught:
        read_bytes(text)
    assert "64MB, 1.5GB or 320KiB" in str(caught.value)


def test_less_than_a_byte_is_refused() -> None:
    with pytest.raises(UserError, match=r"'0.0002KB' is less than one"):
        read_bytes("0.0002KB")


def test_times() -> None:
    assert [read_milliseconds(text) for text in ("5ms", "0.2s", "250us", "7")] == [5.0, 200.0, 0.25, 7.0]
    with pytest.raises(UserError, match=r"'5 min' is not a time; write it like 5ms or 0.2s"):
        read_milliseconds("5 min")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (385_814_752, "386M"),
        (999_499, "999K"),
        (999_500, "1M"),
        (999_999_999, "1G"),
        (1_827_141_392, "1.83G"),
        (1_200_000_000_000, "1.2T"),
        (2_000_000_000_000_000, "2000T"),
        (512, "512"),
        (1, "1"),
        (0, "0"),
    ],
)
def test_counts_are_written_with_three_figures(value: float, text: str) -> None:
    assert count(value) == text


@given(st.floats(1, 9.9e14))
def test_what_is_written_is_read_within_half_a_percent(value: float) -> None:
    # Under 1000 a count is a whole number; above, three figures.
    assert read_count(count(value)) == pytest.approx(value, rel=0.00501, abs=0.5)
    assert read_bytes(memory(value)) == pytest.approx(value, rel=0.00501, abs=0.5)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (3.26, "3.3 s"),
        (9.4, "9.4 s"),
        (9.96, "10 s"),
        (40.2, "40 s"),
        (59.7, "1 min 0 s"),
        (95, "1 min 35 s"),
        (3599.6, "1 h 0 min"),
        (7300, "2 h 1 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_clock_shows_minutes_and_where_there_are_any_hours() -> None:
    shown = [clock(seconds) for seconds in (0, 9.4, 59.6, 750, 3599.6, 4210)]
    assert shown == ["0:00", "0:09", "1:00", "12:30", "1:00:00", "1:10:10"]

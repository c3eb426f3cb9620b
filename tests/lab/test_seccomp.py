"""The filter does what its table says, for every call and both machines; a small BPF machine runs it here."""

from __future__ import annotations

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.lab import seccomp

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
NAMESPACES = [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000]
machines = st.sampled_from(sorted(seccomp.MACHINES))
words = st.integers(0, 2**64 - 1)


def run(program: bytes, number: int, arch: int, args: tuple[int, ...] = (0,) * 6) -> int:
    """Interpret a classic BPF program over one `struct seccomp_data`, as the kernel does."""
    data = struct.pack("<IIQ6Q", number, arch, 0, *args)
    steps = list(struct.iter_unpack("<HBBI", program))
    at, held = 0, 0
    for _ in range(len(steps)):
        code, jump, otherwise, k = steps[at]
        at += 1
        match code:
            case 0x20:
                held = struct.unpack_from("<I", data, k)[0]
            case 0x15:
                at += jump if held == k else otherwise
            case 0x35:
                at += jump if held >= k else otherwise
            case 0x45:
                at += jump if held & k else otherwise
            case 0x06:
                return int(k)
            case _:
                raise AssertionError(f"an instruction that the filter has no use for: {code:#x}")
    raise AssertionError("it does not return")


def answer(machine: str, number: int, *args: int) -> int:
    """What the filter says to a call on its own machine."""
    padded = (*args, *(0,) * (6 - len(args)))
    return run(seccomp.program(machine), number, seccomp.MACHINES[machine].audit, padded)


@pytest.mark.parametrize("machine", seccomp.MACHINES)
@pytest.mark.parametrize("name", seccomp.DENIED)
def test_every_listed_call_is_refused(machine: str, name: str) -> None:
    """EPERM, so that a program hears a plain no and goes on."""
    number = seccomp.DENIED[name][seccomp.MACHINES[machine].column]
    assert answer(machine, number) == ERRNO | errno.EPERM


@given(machines, st.integers(0, 2**32 - 1), words)
def test_a_foreign_instruction_set_dies(machine: str, arch: int, word: int) -> None:
    """Whatever the number: it would mean another call there."""
    if arch != seccomp.MACHINES[machine].audit:
        assert run(seccomp.program(machine), word & 0xFFFF, arch) == KILL


@given(st.integers(0x40000000, 2**32 - 1))
def test_the_second_table_of_x86_dies(number: int) -> None:
    """x32 numbers are never compared with the first table's."""
    assert answer("x86_64", number) == KILL


@given(machines, words, words)
def test_clone3_is_not_there(machine: str, first: int, second: int) -> None:
    """Its flags lie in memory; libc falls back to clone on ENOSYS."""
    assert answer(machine, 435, first, second) == ERRNO | errno.ENOSYS


@given(machines, words)
def test_clone_makes_processes_but_no_namespace(machine: str, flags: int) -> None:
    """One namespace flag among others is enough for a no."""
    refused = any(flags & flag for flag in NAMESPACES)
    expected = ERRNO | errno.EPERM if refused else ALLOW
    assert answer(machine, seccomp.MACHINES[machine].clone, flags) == expected


@given(machines, words, st.booleans())
def test_only_plain_families_of_sockets(machine: str, family: int, pair: bool) -> None:
    """The kernel takes the family as 32 bits, so the upper half does not matter."""
    it = seccomp.MACHINES[machine]
    expected = ALLOW if family & 0xFFFFFFFF in (1, 2, 10, 16) else ERRNO | errno.EAFNOSUPPORT
    assert answer(machine, it.socketpair if pair else it.socket, family) == expected
    for known in (1, 2, 10, 16):
        assert answer(machine, it.socket, known | (family << 32) & (2**64 - 1)) == ALLOW


@given(machines, words)
def test_ioctl_does_not_type_into_terminals(machine: str, request: int) -> None:
    """All others pass."""
    it = seccomp.MACHINES[machine]
    for refused in (0x5412, 0x541C):
        assert answer(machine, it.ioctl, 0, refused) == ERRNO | errno.EPERM
    if request & 0xFFFFFFFF not in (0x5412, 0x541C):
        assert answer(machine, it.ioctl, 0, request) == ALLOW


@given(machines, st.integers(0, 0x3FFFFFFF), words)
def test_the_rest_is_allowed(machine: str, number: int, word: int) -> None:
    """A test suite uses nearly every ordinary call."""
    it = seccomp.MACHINES[machine]
    looked_at = {it.clone, it.clone3, it.socket, it.socketpair, it.ioctl}
    looked_at |= {pair[it.column] for pair in seccomp.DENIED.values()}
    if number not in looked_at:
        assert answer(machine, number, word, word) == ALLOW


def test_an_unknown_machine_has_no_filter() -> None:
    """No filter is not the empty filter."""
    with pytest.raises(KeyError):
        seccomp.program("riscv64")

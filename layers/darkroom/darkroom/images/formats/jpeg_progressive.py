"""Whether a progressive JPEG's last scan is whole: its codes are read, and nothing is drawn (ITU T.81, annex G).

A scan that refines can be read only with what the scans before it made of each block: which coefficients are not zero.
"""

import re
from collections.abc import Iterator
from math import ceil

from darkroom.images.formats.jpeg import Found, Frame, Scan
from darkroom.images.formats.jpeg_scan import Table, read_tables
from darkroom.images.formats.reader import Reader

_RESTART = re.compile(rb"\xff[\xd0-\xd7]")


class _Missing(Exception):
    """The data ends before its codes do, or is none."""


class _Bits:
    """The bits of a scan, from the first one on."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._offset = self._bits = self._kept = 0
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """So many bits as a number. Raises `_Missing`."""
        self._fill(count)
        self._kept -= count
        self._spend(count)
        return self._bits >> self._kept & ((1 << count) - 1)

    def symbol(self, table: Table) -> int:
        """The symbol of the next code. Raises `_Missing`."""
        self._fill(16)
        entry = table[self._bits >> (self._kept - 16) & 0xFFFF]
        if not entry:
            raise _Missing
        self._kept -= entry >> 8
        self._spend(entry >> 8)
        return entry & 255

    def _fill(self, count: int) -> None:
        if self._kept < count:
            piece = self._data[self._offset : self._offset + 8].ljust(8, b"\0")
            self._bits = (self._bits & ((1 << self._kept) - 1)) << 64 | int.from_bytes(piece, "big")
            self._offset, self._kept = self._offset + 8, self._kept + 64

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise _Missing


class _Component:
    """One component's blocks in the order of a scan of its own; of each, what is not zero as bits."""

    def __init__(self, frame: Frame, name: int) -> None:
        across, down = frame.sampling[name]
        most_across, most_down = frame.most
        columns = ceil(ceil(frame.width * across / most_across) / 8)
        rows = ceil(ceil(frame.height * down / most_down) / 8)
        self.blocks = [0] * (columns * rows)


def is_last_scan_whole(reader: Reader, found: Found, frame: Frame) -> bool:
    """Whether all codes of the last scan are there. Of the scans before it those that it refines are read too."""
    last = found.scans[-1]
    names = [last.header[1 + 2 * place] for place in range(last.header[0])]
    if not names or any(name not in frame.sampling for name in names) or not _is_complete(found, frame):
        return False
    try:
        if last.header[-3] == 0:
            _read_first_coefficients(reader, found, frame, last)
            return True
        component = _Component(frame, names[0])
        for scan in found.scans:
            if scan.header[0] == 1 and scan.header[1] == names[0] and scan.header[-3] > 0:
                _read_others(reader, found, component, scan)
    except (_Missing, IndexError):
        return False
    return True


def _is_complete(found: Found, frame: Frame) -> bool:
    """Whether the scans bring every coefficient of every component to its last bit: else more of them were to come."""
    left = {(name, place) for name in frame.sampling for place in range(64)}
    for scan in found.scans:
        begin, end, approximation = scan.header[-3:]
        if approximation & 15 == 0:
            names = [scan.header[1 + 2 * place] for place in range(scan.header[0])]
            left -= {(name, place) for name in names for place in range(begin, end + 1)}
    return not left


def _data(reader: Reader, scan: Scan) -> bytes:
    data = reader.at(scan.begin, scan.end - scan.begin)
    return data[:-1] if data.endswith(b"\xff") else data


def _parts(reader: Reader, found: Found, scan: Scan) -> list[_Bits]:
    data = _data(reader, scan)
    pieces = _RESTART.split(data) if found.restart else [data]
    return [_Bits(piece.replace(b"\xff\x00", b"\xff")) for piece in pieces]


def _read_first_coefficients(reader: Reader, found: Found, frame: Frame, scan: Scan) -> None:
    """A scan of the first coefficient of every block, of one component or of several in turn."""
    tables = dict(read_tables(found.tables[: scan.tables]))
    chosen = [(scan.header[1 + 2 * place], scan.header[2 + 2 * place] >> 4) for place in range(scan.header[0])]
    refines = scan.header[-1] >> 4 > 0
    if len(chosen) == 1:
        units, unit = len(_Component(frame, chosen[0][0]).blocks), [chosen[0][1]]
    else:
        most_across, most_down = frame.most
        units = ceil(frame.width / (8 * most_across)) * ceil(frame.height / (8 * most_down))
        unit = [number for name, number in chosen for _ in range(frame.sampling[name][0] * frame.sampling[name][1])]
    parts = iter(_parts(reader, found, scan))
    bits = next(parts)
    for place in range(units):
        if found.restart and place and place % found.restart == 0:
            bits = _next(parts)
        for number in unit:
            if refines:
                bits.take(1)
            elif (0, number) not in tables:
                raise _Missing
            else:
                bits.take(bits.symbol(tables[0, number]))


def _read_others(reader: Reader, found: Found, component: _Component, scan: Scan) -> None:
    """A scan of the other coefficients of one component: their first bits, or one more of each."""
    table = dict(read_tables(found.tables[: scan.tables])).get((1, scan.header[2] & 15))
    begin, end, refines = scan.header[-3], scan.header[-2], scan.header[-1] >> 4 > 0
    if table is None or end > 63:
        raise _Missing
    parts = iter(_parts(reader, found, scan))
    bits, run = next(parts), 0
    read = _refined if refines else _first
    for place, known in enumerate(component.blocks):
        if found.restart and place and place % found.restart == 0:
            bits, run = _next(parts), 0
        component.blocks[place], run = read(bits, table, known, (begin, end), run)


def _next(parts: Iterator[_Bits]) -> _Bits:
    bits = next(parts, None)
    if bits is None:
        raise _Missing
    return bits


def _first(bits: _Bits, table: Table, known: int, band: tuple[int, int], run: int) -> tuple[int, int]:
    """A block's coefficients of a band, for the first time; and for how many blocks there are no more of them."""
    if run:
        return known, run - 1
    place, end = band
    while place <= end:
        symbol = bits.symbol(table)
        zeros, wide = symbol >> 4, symbol & 15
        if wide:
            place += zeros
            bits.take(wide)
            known |= 1 << place
            place += 1
        elif zeros == 15:
            place += 16
        else:
            return known, (1 << zeros) - 1 + bits.take(zeros)
    return known, 0


def _refined(bits: _Bits, table: Table, known: int, band: tuple[int, int], run: int) -> tuple[int, int]:
    """A block's coefficients of a band, refined by a bit each, with those that are not zero from now on."""
    place, end = band
    before = known
    while place <= end and not run:
        symbol = bits.symbol(table)
        zeros, wide = symbol >> 4, symbol & 15
        if wide:
            bits.take(1)
        elif zeros < 15:
            run = (1 << zeros) + bits.take(zeros)
            break
        while place <= end:
            if before >> place & 1:
                bits.take(1)
            elif zeros == 0:
                break
            else:
                zeros -= 1
            place += 1
        if wide and place <= end:
            known |= 1 << place
        place += 1
    if run:
        while place <= end:
            if before >> place & 1:
                bits.take(1)
            place += 1
        run -= 1
    return known, run

"""Whether a JPEG's last scan is whole, for a file without an end marker: its codes are read, and nothing is drawn.

Huffman pictures alone (ITU T.81, annexes F and G): what is arithmetic or very large counts as cut off.
"""

import re
from collections.abc import Iterator, Sequence
from math import ceil

from darkroom.images.formats.jpeg import Found, Frame, Scan
from darkroom.images.formats.reader import Reader

_SEQUENTIAL = frozenset({0xC0, 0xC1})
_PROGRESSIVE = 0xC2
MOST_BLOCKS = 150_000
"""Blocks of a progressive picture that are read: some seconds' work."""
MOST_BYTES = 16 * 1024 * 1024
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_PADDING = 16
Table = Sequence[int]
"""For every sixteen bits that may come: the length of the code that they begin with, times 256, and its symbol."""


def is_whole(reader: Reader, found: Found, frame: Frame) -> bool:
    """Whether all blocks of the last scan are there, and every component was in some scan."""
    scan = found.scans[-1]
    if frame.kind == _PROGRESSIVE and frame.blocks <= MOST_BLOCKS:
        from darkroom.images.formats.jpeg_progressive import is_last_scan_whole

        return is_last_scan_whole(reader, found, frame)
    if frame.kind not in _SEQUENTIAL or scan.end - scan.begin > MOST_BYTES:
        return False
    scanned = {scan.header[1 + 2 * place] for scan in found.scans for place in range(scan.header[0])}
    if scanned < frame.sampling.keys():
        return False
    plan = _plan(found, frame, scan)
    if plan is None:
        return False
    units, blocks = plan
    data = reader.at(scan.begin, scan.end - scan.begin)
    parts = _RESTART.split(data[:-1] if data.endswith(b"\xff") else data) if found.restart else [data]
    for part in parts:
        wanted = min(units, found.restart) if found.restart else units
        if not _decodes(part.replace(b"\xff\x00", b"\xff"), wanted, blocks):
            return False
        units -= wanted
    return units <= 0


def _plan(found: Found, frame: Frame, scan: Scan) -> tuple[int, list[tuple[Table, Table]]] | None:
    """How many units the scan has, and the tables of a unit's blocks in their order."""
    tables = dict(read_tables(found.tables[: scan.tables]))
    across, down = frame.most
    parts = [(scan.header[1 + 2 * place], scan.header[2 + 2 * place]) for place in range(scan.header[0])]
    if any(name not in frame.sampling for name, _ in parts):
        return None
    pairs = [(tables.get((0, chosen >> 4)), tables.get((1, chosen & 15))) for _, chosen in parts]
    if not parts or any(dc is None or ac is None for dc, ac in pairs):
        return None
    if len(parts) == 1:
        h, v = frame.sampling[parts[0][0]]
        columns, rows = ceil(frame.width * h / across / 8), ceil(frame.height * v / down / 8)
        return columns * rows, [(dc, ac) for dc, ac in pairs if dc is not None and ac is not None]
    blocks = [
        (dc, ac)
        for (name, _), (dc, ac) in zip(parts, pairs, strict=True)
        for _ in range(frame.sampling[name][0] * frame.sampling[name][1])
        if dc is not None and ac is not None
    ]
    return ceil(frame.width / (8 * across)) * ceil(frame.height / (8 * down)), blocks


def read_tables(segments: Sequence[bytes]) -> Iterator[tuple[tuple[int, int], Table]]:
    """The Huffman tables, by class and number; later ones replace earlier ones."""
    for segment in segments:
        offset = 0
        while offset + 17 <= len(segment):
            head, counts = segment[offset], segment[offset + 1 : offset + 17]
            symbols = segment[offset + 17 : offset + 17 + sum(counts)]
            yield (head >> 4, head & 15), _lookup(counts, symbols)
            offset += 17 + sum(counts)


def _lookup(counts: bytes, symbols: bytes) -> list[int]:
    table = [0] * 65536
    code = place = 0
    for length, count in enumerate(counts, 1):
        for _ in range(count):
            if place >= len(symbols) or code >= 1 << length:
                return table
            begin = code << (16 - length)
            table[begin : begin + (1 << (16 - length))] = [length << 8 | symbols[place]] * (1 << (16 - length))
            code, place = code + 1, place + 1
        code <<= 1
    return table


def _decodes(data: bytes, units: int, blocks: Sequence[tuple[Table, Table]]) -> bool:
    """Whether so many units can be read from the data, with none of their bits missing."""
    left = 8 * len(data)
    data += bytes(_PADDING)
    bits = kept = offset = 0
    for _ in range(units):
        for dc, ac in blocks:
            place, table = 0, dc
            while place < 64:
                if kept < 32:
                    bits = (bits & ((1 << kept) - 1)) << 64 | int.from_bytes(
                        data[offset : offset + 8].ljust(8, b"\0"), "big"
                    )
                    offset, kept = offset + 8, kept + 64
                entry = table[bits >> (kept - 16) & 0xFFFF]
                if not entry:
                    return False
                run, wide = (entry & 255) >> 4, entry & 15
                if table is dc:
                    wide, table, place = entry & 255, ac, 1
                elif wide:
                    place += run + 1
                elif run == 15:
                    place += 16
                else:
                    place = 64
                kept -= (entry >> 8) + wide
                left -= (entry >> 8) + wide
            if left < 0:
                return False
    return True

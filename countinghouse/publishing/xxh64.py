"""XXH64 of bytes, as the engine's `xxhash64` computes it, without an engine."""

_P1 = 0x9E3779B185EBCA87
_P2 = 0xC2B2AE3D27D4EB4F
_P3 = 0x165667B19E3779F9
_P4 = 0x85EBCA77C2B2AE63
_P5 = 0x27D4EB2F165667C5
_MASK = (1 << 64) - 1
# The engine's seed; hashes with another one do not compare.
_SEED = 42


def xxh64(content: bytes, seed: int = _SEED) -> int:
    """The hash as a signed 64-bit integer, as SQL BIGINT shows it."""
    stripes = len(content) // 32 * 32
    value = _long(content, stripes, seed) if stripes else (seed + _P5) & _MASK
    value = _tail(content[stripes:], (value + len(content)) & _MASK)
    value = ((value ^ (value >> 33)) * _P2) & _MASK
    value = ((value ^ (value >> 29)) * _P3) & _MASK
    value ^= value >> 32
    return value - (1 << 64) if value >> 63 else value


def _long(content: bytes, end: int, seed: int) -> int:
    lanes = [(seed + _P1 + _P2) & _MASK, (seed + _P2) & _MASK, seed, (seed - _P1) & _MASK]
    for start in range(0, end, 32):
        for lane in range(4):
            lanes[lane] = _round(lanes[lane], _word(content, start + 8 * lane, 8))
    value = sum(_rotated(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18), strict=True)) & _MASK
    for lane in lanes:
        value = ((value ^ _round(0, lane)) * _P1 + _P4) & _MASK
    return value


def _tail(content: bytes, value: int) -> int:
    at = 0
    while at + 8 <= len(content):
        value ^= _round(0, _word(content, at, 8))
        value = (_rotated(value, 27) * _P1 + _P4) & _MASK
        at += 8
    if at + 4 <= len(content):
        value ^= (_word(content, at, 4) * _P1) & _MASK
        value = (_rotated(value, 23) * _P2 + _P3) & _MASK
        at += 4
    for byte in content[at:]:
        value ^= (byte * _P5) & _MASK
        value = (_rotated(value, 11) * _P1) & _MASK
    return value


def _word(content: bytes, at: int, size: int) -> int:
    return int.from_bytes(content[at : at + size], "little")


def _rotated(value: int, by: int) -> int:
    return ((value << by) | (value >> (64 - by))) & _MASK


def _round(lane: int, word: int) -> int:
    return (_rotated((lane + word * _P2) & _MASK, 31) * _P1) & _MASK

"""What the bytes of a packet tell that a device decoder keeps to itself.

It scales pictures that change their size in the middle of a film to the size of the first ones,
and conceals what is damaged. So the headers that set the size are compared, and packets are
looked at for what no encoder writes. Flipped bits within a picture stay unseen.
"""

from __future__ import annotations

_START_CODE, _ZEROS = b"\x00\x00\x01", bytes(4)
_VP8_KEYFRAME, _VP9_MARKER = b"\x9d\x01\x2a", 2
_H264_SLICES, _H264_SPS = range(1, 6), 7
_HEVC_SLICES, _HEVC_SPS = range(32), 33
_AV1_SEQUENCE = 1


def sequence_headers(codec: str, packet: bytes) -> frozenset[bytes]:
    """The headers of a keyframe that set the size and format of pictures, each as its bytes.

    H.264 and HEVC as in an Annex B stream. Empty where the packet has none.
    """
    match codec:
        case "h264":
            return _units(packet, 0x1F, 0, _H264_SPS, _H264_SLICES)
        case "hevc":
            return _units(packet, 0x3F, 1, _HEVC_SPS, _HEVC_SLICES)
        case "vp8":
            return frozenset({packet[6:10]})
        case "vp9":
            # Color, width and height: 36 bits behind the sync code, and one more in deep profiles.
            is_deep = packet[:1] and packet[0] & 0x10
            rest = packet[8:9] and bytes([packet[8] & (0xF8 if is_deep else 0xF0)])
            return frozenset({packet[4:8] + rest})
        case "av1":
            return _av1_sequence(packet)
    return frozenset()


def looks_damaged(codec: str, packet: bytes) -> bool:
    """Say whether a packet holds what no encoder writes: above all parts that were never copied.

    H.264 and HEVC as in an Annex B stream, where four zeros in a row are no part of a picture.
    """
    match codec:
        case "h264" | "hevc":
            return _ZEROS in packet or _START_CODE not in packet
        case "vp8":
            is_keyframe = bool(packet) and not packet[0] & 1
            return is_keyframe and packet[3:6] != _VP8_KEYFRAME
        case "vp9":
            return packet[:1] == b"" or packet[0] >> 6 != _VP9_MARKER
    return False


def _units(packet: bytes, mask: int, shift: int, wanted: int, slices: range) -> frozenset[bytes]:
    """The units of one type that come before the first slice."""
    found = set()
    start = packet.find(_START_CODE)
    while start >= 0 and start + 3 < len(packet):
        begin = start + 3
        kind = packet[begin] >> shift & mask
        if kind in slices:
            break
        start = packet.find(_START_CODE, begin)
        if kind == wanted:
            end = len(packet) if start < 0 else start
            found.add(packet[begin:end].rstrip(b"\x00"))
    return frozenset(found)


def _av1_sequence(packet: bytes) -> frozenset[bytes]:
    """The sequence header among the open bitstream units of a temporal unit."""
    place = 0
    while place < len(packet):
        header = packet[place]
        place += 2 if header & 4 else 1
        if not header & 2:  # without a size: the last one
            break
        size, shift = 0, 0
        while place < len(packet):
            byte = packet[place]
            place, size, shift = place + 1, size | (byte & 0x7F) << shift, shift + 7
            if not byte & 0x80:
                break
        if header >> 3 & 15 == _AV1_SEQUENCE:
            return frozenset({packet[place : place + size]})
        place += size
    return frozenset()

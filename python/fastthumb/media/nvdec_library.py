"""NVIDIA's video decoder as a package: whether it is there, and what a GPU decodes.

Nothing here is imported before a GPU is asked for.
"""

from __future__ import annotations

import importlib
import logging
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from fastthumb.errors import DeviceOutOfMemory, DeviceUnavailable
from fastthumb.media.diagnosis import is_url

if TYPE_CHECKING:
    from fastthumb.media.source import SourceInfo

_PACKAGE = "PyNvVideoCodec"
# Codecs whose pictures are defined to the bit. MPEG-1, 2 and 4 leave the rounding of a transform
# to the decoder, so that a GPU would choose other frames than the CPU.
_CODECS = {"h264": "H264", "hevc": "HEVC", "vp8": "VP8", "vp9": "VP9", "av1": "AV1"}
_NAMES = {"h264": "H.264", "hevc": "HEVC", "vp8": "VP8", "vp9": "VP9", "av1": "AV1"}
_DEPTHS = {"h264": (8, 10), "hevc": (8, 10, 12), "vp8": (8,), "vp9": (8, 10, 12), "av1": (8, 10)}
_PIXEL_FORMATS = re.compile(r"yuvj?420p(10le|12le)?")
_MACROBLOCK = 16
_OUT_OF_MEMORY, _FIRST_FATAL = 2, 700  # CUresult; from 700 on the device's context is gone


@cache
def library() -> Any:
    """PyNvVideoCodec; raises DeviceUnavailable, saying what is missing."""
    # Where it cannot be imported it also writes a page of advice to the log.
    logger = logging.getLogger(_PACKAGE)
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    try:
        return importlib.import_module(_PACKAGE)
    except ModuleNotFoundError as error:
        if error.name != _PACKAGE:
            raise DeviceUnavailable(_broken(error)) from error
        raise DeviceUnavailable(
            f"{_PACKAGE} is not installed, which decodes on a GPU; "
            "install it with: pip install 'fastthumb[gpu]'"
        ) from error
    except Exception as error:  # RuntimeError or ImportError, as the driver's libraries lack
        raise DeviceUnavailable(_broken(error)) from error


def _broken(error: Exception) -> str:
    return (
        f"{_PACKAGE} does not load ({_first_line(error)}); install NVIDIA's driver, "
        "in a container with the capabilities compute, utility and video"
    )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def error_code(error: Exception) -> int | None:
    """The driver's number (CUresult) of an error of PyNvVideoCodec, if it has one."""
    found = re.search(r"Error code : (\d+)", str(error))
    return int(found[1]) if found else None


def refuse_fatal(error: Exception, device: int) -> None:
    """Raise DeviceUnavailable where an error is the device's own, and not the film's."""
    code = error_code(error)
    if isinstance(error, MemoryError) or code == _OUT_OF_MEMORY:
        raise DeviceOutOfMemory(
            f"GPU {device}: its memory does not suffice for one more decoder; "
            "use fewer workers, or another GPU"
        ) from error
    if code is not None and _FIRST_FATAL <= code < 800:
        raise DeviceUnavailable(
            f"GPU {device}: decoding failed with CUDA error {code}; start again"
        ) from error


@cache
def capabilities(device: int, codec: str, bit_depth: int) -> dict[str, int]:
    """What that GPU says of a codec in 4:2:0; 0.2 s when first asked.

    Raises DeviceUnavailable where there is no such GPU.
    """
    nvc = library()
    try:
        return dict(
            nvc.GetDecoderCaps(
                gpuid=device,
                codec=getattr(nvc.cudaVideoCodec, _CODECS[codec]),
                chromaformat=nvc.cudaVideoChromaFormat.__members__["420"],
                bitdepth=bit_depth,
            )
        )
    except Exception as error:
        said = re.search(r"Error Type : (.*)", str(error))
        raise DeviceUnavailable(
            f"GPU {device}: its decoder cannot be asked ({said[1] if said else error}); "
            "use another GPU or --gpu none"
        ) from error


def engine_count(device: int) -> int:
    """How many decoders that GPU has; as many films or parts of one decode at full speed."""
    return max(1, capabilities(device, "h264", 8)["num_decoder_engines"])


def codec_of(name: str) -> Any:
    """PyNvVideoCodec's own value for a codec that FFmpeg calls `name`."""
    return getattr(library().cudaVideoCodec, _CODECS[name])


def decoder_refusal(info: SourceInfo, device: int) -> str | None:
    """Why a film takes the CPU's decoder, in a clause; None where that GPU decodes it.

    Raises DeviceUnavailable where nothing decodes on that GPU.
    """
    capabilities(device, "h264", 8)
    if is_url(str(info.path)):
        return "it is read over the network"
    name = _NAMES.get(info.codec)
    if name is None:
        return f"GPU decoders give other pixels of {info.codec} than FFmpeg, or none"
    if info.has_alpha:
        return "it has an alpha channel, which GPU decoders leave out"
    if info.interlaced:
        return "it is interlaced, and GPU decoders give other pixels of that"
    if not _PIXEL_FORMATS.fullmatch(info.pixel_format):
        return f"GPU pictures are 4:2:0 of 8 to 12 bits, and it is {info.pixel_format}"
    found = capabilities(device, info.codec, info.bit_depth)
    if not found["supported"]:
        return f"GPU {device} does not decode {name} of {info.bit_depth} bits"
    width, height = found["width_max"], found["height_max"]
    low_width, low_height = found["width_min"], found["height_min"]
    if not (low_width <= info.width <= width and low_height <= info.height <= height):
        return (
            f"GPU {device} decodes {name} from {low_width}x{low_height} to {width}x{height} "
            f"pixels, and it is {info.width}x{info.height}"
        )
    blocks = -(-info.width // _MACROBLOCK) * -(-info.height // _MACROBLOCK)
    if blocks > found["mb_num_max"]:
        return f"{info.width}x{info.height} pixels of {name} are too many for GPU {device}"
    return None


def nvdec_facts(device: int) -> dict[str, Any]:
    """What `fastthumb doctor` tells: `package` (version), `engines`, and `decodes` by codec.

    Raises DeviceUnavailable as `decoder_refusal`.
    """
    return {
        "package": str(library().__version__),
        "engines": engine_count(device),
        "decodes": {
            f"{_NAMES[codec]}, {depth} bits, 4:2:0": bool(
                capabilities(device, codec, depth)["supported"]
            )
            for codec, depths in _DEPTHS.items()
            for depth in depths
        },
    }

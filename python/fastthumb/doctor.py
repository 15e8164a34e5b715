"""What this machine can do, and why not more: the findings of `fastthumb doctor`."""

from __future__ import annotations

import importlib.util
import platform
import sys

from fastthumb import __version__
from fastthumb.cores import usable_cores
from fastthumb.findings import Finding
from fastthumb.gpu_findings import gpu_findings


def examine() -> list[Finding]:
    """Look at the installation, the machine and the models; opens no film, needs no network."""
    checks = (_package, _cores, _core, _decoder, _codecs, _formats, _demo_photographs, _inference)
    return [*(check() for check in checks), *_models(), *gpu_findings()]


def _package() -> Finding:
    python = f"Python {platform.python_version()} on {sys.platform}"
    return Finding("fastthumb", True, f"{__version__}, {python}")


def _cores() -> Finding:
    return Finding("processor", True, f"{usable_cores()} cores, {platform.machine()}")


def _core() -> Finding:
    from fastthumb import _core

    build = _core.build_info()
    return Finding(
        "pixel core",
        True,
        f"{', '.join(_core.implementations('frame_signals'))}; compiled by {build['compiler']}",
    )


def _decoder() -> Finding:
    import av

    libavcodec = ".".join(map(str, av.library_versions["libavcodec"]))
    return Finding("decoder", True, f"PyAV {av.__version__}, libavcodec {libavcodec}")


def _codecs() -> Finding:
    import av

    wanted = ("h264", "hevc", "av1", "vp9", "vp8", "mpeg2video", "mpeg4", "prores")
    there = [codec for codec in wanted if codec in av.codecs_available]
    missing = [codec for codec in wanted if codec not in there]
    advice = f"this build of PyAV has no {', '.join(missing)}; install another" if missing else ""
    return Finding("codecs", not missing, ", ".join(there), advice)


def _formats() -> Finding:
    from PIL import features

    there = ["jpg", "png"] + [name for name in ("webp", "avif") if features.check(name)]
    missing = len(there) < 4
    advice = "for webp and avif: pip install -U pillow" if missing else ""
    return Finding("picture formats", not missing, ", ".join(there), advice)


def _demo_photographs() -> Finding:
    there = importlib.util.find_spec("skimage") is not None
    advice = "" if there else "pip install 'fastthumb[demo]'"
    found = "scikit-image" if there else "not installed"
    return Finding("demo photographs", there, found, advice)


def _inference() -> Finding:
    if importlib.util.find_spec("onnxruntime") is None:
        return Finding("networks", False, "not installed", "pip install onnxruntime")
    import onnxruntime

    return Finding("networks", True, f"ONNX Runtime {onnxruntime.__version__} on the CPU")


def _models() -> list[Finding]:
    """Which task has which model; tasks without one together."""
    from fastthumb.errors import SettingsError
    from fastthumb.inference.models import WANTED, Registry
    from fastthumb.names import printable

    try:
        registry = Registry.load()
    except SettingsError as exc:
        return [Finding("models", False, str(exc))]
    found = {task: registry.find(task) for task in WANTED}
    findings = [
        Finding(f"model: {task}", True, f"{model.entry.name}, {printable(model.path)}")
        for task, model in found.items()
        if model is not None
    ]
    findings += [Finding("damaged model", False, problem) for problem in registry.problems]
    findings += [Finding("missing models", False, sentence) for sentence in registry.missing()]
    return findings

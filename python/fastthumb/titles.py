"""What title.json says, put together from what the stages found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastthumb import __version__
from fastthumb.analysis.shot_lists import shot_row
from fastthumb.artwork.rendering import RenderedVariant
from fastthumb.media.source import SourceInfo
from fastthumb.records import (
    ColorRecord,
    ContentAnalysisRecord,
    FileRecord,
    PaletteRecord,
    ShotRecord,
    SourceRecord,
    SwatchRecord,
    TimingRecord,
    TitleRecord,
    Variant,
    VisualQualityRecord,
    escape_path,
    rational,
)
from fastthumb.settings import Settings

if TYPE_CHECKING:
    from fastthumb.pipeline import Analysis


def title_record(
    title_id: str,
    analysis: Analysis,
    settings: Settings,
    rendered: Sequence[RenderedVariant],
    files: Sequence[str],
    *,
    content_hash: str | None,
) -> TitleRecord:
    """The record of a title; `files` are the ones in its folder besides the pictures."""
    return TitleRecord(
        fastthumb_version=__version__,
        title_id=title_id,
        source=_source(analysis),
        content_hash=content_hash or "",
        settings=settings.model_dump(mode="json"),
        device="cpu",
        timings={
            name: TimingRecord(seconds=stage.seconds, frames=stage.frames)
            for name, stage in analysis.clock.stages.items()
        },
        warnings=list(analysis.warnings),
        shots=[ShotRecord(**shot_row(shot)) for shot in analysis.shots],
        variants=[variant_record(title_id, analysis.info, one) for one in rendered],
        files=list(files),
    )


def variant_record(title_id: str, info: SourceInfo, rendered: RenderedVariant) -> Variant:
    """The record of one variant: what was picked, why, and its files."""
    pick = rendered.pick
    scored, candidate = pick.scored, pick.scored.candidate
    still = candidate.still
    return Variant(
        title_id=title_id,
        variant=pick.rank,
        timestamp=candidate.seconds,
        frame_pts=candidate.pts,
        time_base=rational(info.time_base),
        file=rendered.files[0].file,
        files=[
            FileRecord(
                file=one.file,
                aspect=one.aspect,
                width=one.width,
                height=one.height,
                crop_box=one.crop_box,
            )
            for one in rendered.files
        ],
        shot=candidate.shot,
        scene_type=scored.scene_type,
        quality_score=scored.quality,
        visual_quality=VisualQualityRecord(
            brightness=scored.visual.brightness,
            contrast=scored.visual.contrast,
            sharpness=scored.visual.sharpness,
            saturation=scored.visual.saturation,
        ),
        content_analysis=ContentAnalysisRecord(action_score=scored.action_score),
        palette=PaletteRecord(
            colors=[SwatchRecord(hex=one.hex, share=one.share) for one in still.palette],
            warmth=still.warmth,
        ),
        focal_point=still.focal_point,
        scores=scored.scores,
        reason=pick.reason,
    )


def _source(analysis: Analysis) -> SourceRecord:
    info, rows = analysis.info, analysis.table.rows
    width, height = info.display_size
    return SourceRecord(
        path=escape_path(info.path),
        container=info.container,
        codec=info.codec,
        pixel_format=info.pixel_format,
        width=info.width,
        height=info.height,
        display_width=width,
        display_height=height,
        duration_seconds=analysis.duration_seconds,
        frame_rate=rational(info.average_rate) if info.average_rate else None,
        frames_analyzed=len(rows),
        time_base=rational(info.time_base),
        start_pts=int(rows["pts"][0]) if len(rows) else info.start_pts,
        rotation=info.rotation_degrees,
        mirrored=info.mirrored,
        sample_aspect_ratio=rational(info.sample_aspect_ratio),
        bit_depth=info.bit_depth,
        interlaced=info.interlaced,
        has_alpha=info.has_alpha,
        color=ColorRecord(
            matrix=info.color.matrix,
            primaries=info.color.primaries,
            transfer=info.color.transfer,
            full_range=info.color.full_range,
        ),
        content_box=analysis.content_box,
    )

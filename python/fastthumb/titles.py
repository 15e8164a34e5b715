"""What title.json says, put together from what the stages found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fastthumb import __version__
from fastthumb.analysis.expressions import EXPRESSIONS
from fastthumb.analysis.shot_lists import shot_row
from fastthumb.artwork.portraits import PortraitFile
from fastthumb.artwork.rendering import RenderedVariant
from fastthumb.artwork.subjects import focal_point
from fastthumb.media.source import SourceInfo
from fastthumb.records import (
    CharacterRecord,
    ColorRecord,
    ContentAnalysisRecord,
    FaceRecord,
    FileRecord,
    ModelRecord,
    ObjectRecord,
    PaletteRecord,
    PortraitRecord,
    SettingRecord,
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
    from fastthumb.analysis.characters import Character
    from fastthumb.analysis.detections import Contents, Face
    from fastthumb.pipeline import Analysis
    from fastthumb.timing import StageClock

SHOTS_FILE = "shots.csv"


def title_record(
    title_id: str,
    analysis: Analysis,
    settings: Settings,
    rendered: Sequence[RenderedVariant],
    files: Sequence[str],
    *,
    content_hash: str | None,
    characters: Sequence[Character] = (),
    portraits: Mapping[str, Sequence[PortraitFile]] | None = None,
    models: Sequence[tuple[str, str, str]] = (),
    device: str = "cpu",
) -> TitleRecord:
    """The record of a title; `files` are the ones in its folder besides the pictures.

    `portraits` are those of each character by name (`PortraitWriter.finish`);
    `models` are (name, task, sha256) of the networks that were used, `device` is where the film
    was decoded.
    """
    people = character_records(characters, portraits or {})
    pictures = [portrait.file for person in people for portrait in person.portraits]
    return TitleRecord(
        fastthumb_version=__version__,
        title_id=title_id,
        source=_source(analysis),
        content_hash=content_hash or "",
        settings=settings.model_dump(mode="json"),
        models=[ModelRecord(name=name, task=task, sha256=sha) for name, task, sha in models],
        device=device,
        timings=timing_records(analysis.clock),
        wall_seconds=analysis.clock.wall_seconds,
        frames_decoded=analysis.clock.frames_decoded,
        warnings=list(analysis.warnings),
        missing_models=list(analysis.missing),
        characters=people,
        shots=[ShotRecord(**shot_row(shot)) for shot in analysis.shots],
        variants=[variant_record(title_id, analysis.info, one, characters) for one in rendered],
        files=list(dict.fromkeys([*files, *pictures])),
    )


def timing_records(clock: StageClock) -> dict[str, TimingRecord]:
    """What a clock counted, by stage."""
    return {
        name: TimingRecord(seconds=stage.seconds, frames=stage.frames)
        for name, stage in clock.stages.items()
    }


def character_records(
    characters: Sequence[Character], portraits: Mapping[str, Sequence[PortraitFile]]
) -> list[CharacterRecord]:
    """The records of the people of a title, most screen time first."""
    ordered = sorted(characters, key=lambda one: (-one.screen_seconds, one.name))
    return [
        CharacterRecord(
            name=one.name,
            role=one.role,
            known=one.known,
            likeness=None if one.likeness is None else round(min(max(one.likeness, -1.0), 1.0), 6),
            screen_seconds=one.screen_seconds,
            screen_share=min(one.screen_share, 1.0),
            shots=list(one.shots),
            with_seconds=dict(sorted(one.with_seconds.items(), key=lambda item: -item[1])),
            portraits=[
                PortraitRecord(
                    file=portrait.file,
                    timestamp=portrait.seconds,
                    frame_pts=portrait.pts,
                    box=portrait.box,
                )
                for portrait in portraits.get(one.name, ())
            ],
        )
        for one in ordered
    ]


def portrait_files(record: TitleRecord) -> list[PortraitFile]:
    """The portraits that a title has, to be kept where they are still wanted."""
    return [
        PortraitFile(one.file, one.timestamp, one.frame_pts, one.box)
        for person in record.characters
        for one in person.portraits
    ]


def variant_record(
    title_id: str,
    info: SourceInfo,
    rendered: RenderedVariant,
    characters: Sequence[Character] = (),
) -> Variant:
    """The record of one variant: what was picked, why, who and what is in it, and its files."""
    pick = rendered.pick
    scored, candidate = pick.scored, pick.scored.candidate
    still = candidate.still
    known = scored.classified
    names = {track: one.name for one in characters for track in one.tracks}
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
                crop_score=one.score,
                filled=one.filled,
                crop_parts=one.parts,
            )
            for one in rendered.files
        ],
        shot=candidate.shot,
        scene_type=known.scene_type if known else scored.scene_type,
        characters=list(known.characters) if known else [],
        composition=known.composition if known else None,
        people=known.people if known else None,
        quality_score=scored.quality,
        visual_quality=VisualQualityRecord(
            brightness=scored.visual.brightness,
            contrast=scored.visual.contrast,
            sharpness=scored.visual.sharpness,
            saturation=scored.visual.saturation,
        ),
        content_analysis=ContentAnalysisRecord(
            emotional_score=known.emotional if known else None,
            action_score=known.action if known else scored.action_score,
            dramatic_score=known.dramatic if known else None,
            character_prominence=known.prominence if known else None,
        ),
        faces=_faces(candidate.faces, names, EXPRESSIONS),
        objects=list(known.objects) if known else [],
        object_boxes=_objects(candidate.contents),
        setting=SettingRecord(
            indoor=known.indoor if known else None, night=known.night if known else None
        ),
        palette=PaletteRecord(
            colors=[SwatchRecord(hex=one.hex, share=one.share) for one in still.palette],
            warmth=still.warmth,
        ),
        focal_point=focal_point(candidate),
        scores=scored.scores,
        rule_inputs=known.inputs if known else {},
        reason=pick.reason,
    )


def _faces(
    faces: Sequence[Face] | None, names: Mapping[int, str], labels: Sequence[str]
) -> list[FaceRecord] | None:
    """Faces as they are stored, largest first; `names` are those of their tracks."""
    if faces is None:
        return None
    return [
        FaceRecord(
            box=face.box,
            character=names.get(face.track),
            score=min(face.score, 1.0),
            sharpness=face.sharpness,
            turn=face.turn,
            roll=face.roll,
            cut_off=bool(face.cut_off),
            sure=face.sure,
            eyes_open=face.eyes_open,
            expression=_expression(face, labels)[0],
            expression_score=_expression(face, labels)[1],
        )
        for face in sorted(faces, key=_area, reverse=True)
    ]


def _expression(face: Face, labels: Sequence[str]) -> tuple[str | None, float | None]:
    """The likeliest expression and its probability; None where nobody looked."""
    if face.expression is None or len(face.expression) != len(labels):
        return None, None
    best = int(face.expression.argmax())
    return labels[best], float(face.expression[best])


def _area(face: Face) -> float:
    left, top, right, bottom = face.box
    return (right - left) * (bottom - top)


def _objects(contents: Contents) -> list[ObjectRecord] | None:
    if contents.objects is None:
        return None
    return [
        ObjectRecord(box=one.box, label=one.label, group=one.group, score=min(one.score, 1.0))
        for one in sorted(contents.objects, key=lambda one: -one.score)
    ]


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

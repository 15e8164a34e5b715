"""What the registry says of one model: where it is from, how it is fed, what its output means."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Task = Literal[
    "faces",
    "identity",
    "expression",
    "face-mesh",
    "objects",
    "text",
    "embedding",
    "pose",
    "subject-mask",
    "setting",
    "composition",
    "scene-type",
]
Family = Literal[
    "yunet",
    "mtcnn",
    "yolox",
    "picodet",
    "embedding",
    "classifier",
    "face-mesh",
    "movenet",
    "text-db",
    "mask",
    "segmentation",
]
Crop = Literal["arcface-112", "expression", "mesh", "person"]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Triple = tuple[float, float, float]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

LEARNED_RULES: tuple[Task, ...] = ("setting", "composition", "scene-type")

_FAMILIES_OF_TASK: dict[Task, tuple[Family, ...]] = {
    "faces": ("yunet", "mtcnn"),
    "identity": ("embedding",),
    "expression": ("classifier",),
    "face-mesh": ("face-mesh",),
    "objects": ("yolox", "picodet"),
    "text": ("text-db",),
    "embedding": ("embedding",),
    "pose": ("movenet",),
    "subject-mask": ("mask", "segmentation"),
    "setting": ("classifier",),
    "composition": ("classifier",),
    "scene-type": ("classifier",),
}
_CROPS_OF_TASK: dict[Task, tuple[Crop, ...]] = {
    "identity": ("arcface-112",),
    "expression": ("expression", "arcface-112"),
    "face-mesh": ("mesh",),
    "pose": ("person",),
}
# Keys of `output` that a family's decoder reads: (needed, allowed besides)
_OUTPUT_OF_FAMILY: dict[Family, tuple[frozenset[str], frozenset[str]]] = {
    "yunet": (frozenset({"threshold", "iou"}), frozenset({"names", "strides"})),
    "mtcnn": (frozenset({"threshold", "iou"}), frozenset()),
    "yolox": (frozenset({"threshold", "iou", "strides", "labels"}), frozenset({"names"})),
    "picodet": (frozenset({"threshold", "iou", "strides", "labels"}), frozenset({"names"})),
    "embedding": (frozenset({"size"}), frozenset({"names", "same", "same_track"})),
    "classifier": (frozenset({"labels"}), frozenset({"names", "activation"})),
    "face-mesh": (frozenset(), frozenset({"names", "threshold"})),
    "movenet": (frozenset(), frozenset({"names", "threshold"})),
    "text-db": (frozenset({"threshold"}), frozenset({"names", "box_threshold", "unclip"})),
    "mask": (frozenset(), frozenset({"names", "threshold"})),
    "segmentation": (frozenset({"labels"}), frozenset({"names"})),
}


class Input(BaseModel):
    """The one input of a network: three channels of (code - mean) * scale, code 0..255."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = None
    """Name in the graph; None takes the only one."""
    layout: Literal["nchw", "nhwc"] = "nchw"
    width: Annotated[int, Field(ge=1, le=8192)]
    height: Annotated[int, Field(ge=1, le=8192)]
    multiple_of: Annotated[int, Field(ge=1, le=1024)] | None = None
    """The network takes any size of this multiple; width and height are then the largest."""
    fit: Literal["letterbox", "stretch"] = "stretch"
    """How a whole picture gets that size: aspect kept and pasted top left, or stretched."""
    crop: Crop | None = None
    """Which part is cut out, for networks that look at one face or person."""
    channels: Literal["rgb", "bgr"] = "rgb"
    mean: Triple = (0.0, 0.0, 0.0)
    scale: Triple = (1.0, 1.0, 1.0)
    fill: float = 0.0
    """Code outside the picture."""
    filter: Literal["area", "cubic"] = "area"
    """How a whole picture is resampled: averaged, or cubic, which is sharper."""


class Output(BaseModel):
    """What the outputs of a network mean; which keys count depends on the family."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[str, ...] = ()
    """Outputs in the graph in the order that the family's decoder reads; empty: as they come."""
    threshold: Share | None = None
    iou: Share | None = None
    """Of two boxes that overlap by more than this, the better one is kept."""
    strides: tuple[Annotated[int, Field(ge=1)], ...] = ()
    labels: tuple[str, ...] = ()
    activation: Literal["none", "softmax", "sigmoid"] = "none"
    """What still has to be applied to make probabilities."""
    size: Annotated[int, Field(ge=1)] | None = None
    """Length of the vector."""
    same: Annotated[float, Field(ge=-1.0, le=1.0)] | None = None
    """Cosine above which two single faces are one person."""
    same_track: Annotated[float, Field(ge=-1.0, le=1.0)] | None = None
    """The same for mean vectors of two tracks."""
    box_threshold: Share | None = None
    unclip: Annotated[float, Field(ge=0.0)] | None = None
    """By how much a box of text grows: area times this over perimeter."""


class ModelEntry(BaseModel):
    """One model of the registry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    task: Task
    family: Family
    file: str | None = None
    """Path below the models folder or the cache; None: made from an installed package."""
    urls: tuple[str, ...] = ()
    sha256: Sha256 | None = None
    """Hash of the file; may be left out where the file is the user's own and not downloaded."""
    size_bytes: Annotated[int, Field(ge=1)] | None = None
    license: Annotated[str, Field(min_length=1)]
    source: str = ""
    weights: dict[str, Sha256] = {}
    """Files of the package that the built-in detector is made from, and their hashes."""
    input: Input
    output: Output = Output()

    @property
    def built_in(self) -> bool:
        """Whether the model is made from an installed package and has no file of its own."""
        return self.family == "mtcnn"

    @field_validator("file")
    @classmethod
    def _file_stays_in_its_folder(cls, file: str | None) -> str | None:
        if file is not None:
            path = PurePosixPath(file)
            if not path.name or path.is_absolute() or ".." in path.parts or "\\" in file:
                raise ValueError("wanted a path below the folder of models.toml, without '..'")
        return file

    @field_validator("urls")
    @classmethod
    def _addresses_are_of_the_web(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            if not url.startswith(("https://", "http://")):
                raise ValueError(f"wanted addresses that begin with https:// or http://: {url!r}")
        return urls

    @model_validator(mode="after")
    def _parts_fit_together(self) -> ModelEntry:
        if self.family not in (fitting := _FAMILIES_OF_TASK[self.task]):
            raise ValueError(f"task {self.task!r} wants family {' or '.join(fitting)}")
        crops = _CROPS_OF_TASK.get(self.task, ())
        if crops and self.input.crop not in crops:
            raise ValueError(f"task {self.task!r} wants input.crop {' or '.join(crops)}")
        if not crops and self.input.crop is not None:
            raise ValueError(f"task {self.task!r} looks at whole pictures: leave input.crop out")
        needed, besides = _OUTPUT_OF_FAMILY[self.family]
        given = self.output.model_fields_set
        if lacking := sorted(needed - given):
            raise ValueError(f"family {self.family!r} needs output.{', output.'.join(lacking)}")
        if strange := sorted(given - needed - besides):
            raise ValueError(f"family {self.family!r} reads no output.{', output.'.join(strange)}")
        if self.file is None and not self.built_in:
            raise ValueError("needs file, the name of its ONNX file")
        if self.urls and self.sha256 is None:
            raise ValueError("has urls, so it needs sha256, the hash of the file")
        if self.built_in and not self.weights:
            raise ValueError("family 'mtcnn' needs weights, the hashes of its files")
        return self

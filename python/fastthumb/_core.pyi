"""
The compiled core: signals of frames, tensors for networks, boxes out of their outputs, on the CPU and on CUDA devices.
"""
from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import typing
import typing_extensions
__all__: list[str] = ['CudaStream', 'DeviceBuffer', 'DeviceSignalMeter', 'FrameLayout', 'FrameSignals', 'SignalMeter', 'TensorFormat', 'build_info', 'cuda_devices', 'decode_picodet', 'decode_yolox', 'decode_yunet', 'fit_device', 'fit_planes', 'fit_rgb', 'fit_rgb_device', 'implementations', 'nms', 'warp_device', 'warp_planes', 'warp_rgb']
class FrameSignals:
    """
    What was measured of one frame.
    
    Luma is working luma, full range 0..255; "working px" are pixels of the reduced picture
    (short side about 360). Fields that compare with the previous frame are 0 without one.
    """
    def __getstate__(self) -> bytes:
        ...
    def __setstate__(self, arg0: bytes) -> None:
        ...
    @property
    def a_mean(self) -> float:
        """
        Mean CIELAB a; 0 is gray.
        """
    @property
    def b_mean(self) -> float:
        """
        Mean CIELAB b; 0 is gray.
        """
    @property
    def bar_bottom(self) -> int:
        """
        Black rows at the bottom, working px.
        """
    @property
    def bar_left(self) -> int:
        """
        Black columns at the left, working px.
        """
    @property
    def bar_right(self) -> int:
        """
        Black columns at the right, working px.
        """
    @property
    def bar_top(self) -> int:
        """
        Black rows at the top, working px.
        """
    @property
    def bright_share(self) -> float:
        """
        Share of luma >= 250, 0..1.
        """
    @property
    def camera_x(self) -> float:
        """
        Median motion of the textured blocks, working px, positive to the right.
        """
    @property
    def camera_y(self) -> float:
        """
        Median motion of the textured blocks, working px, positive downward.
        """
    @property
    def chroma(self) -> float:
        """
        Mean CIELAB sqrt(a^2 + b^2), 0..about 134.
        """
    @property
    def chroma_histogram(self) -> numpy.typing.NDArray[numpy.uint32]:
        """
        Cells per bin of 4 levels of Cb and of Cr: read-only uint32 (2, 64).
        """
    @property
    def compensated_difference(self) -> float:
        """
        Mean absolute change of cell luma after block motion, 0..255.
        """
    @property
    def dark_share(self) -> float:
        """
        Share of luma <= 24, 0..1.
        """
    @property
    def difference(self) -> float:
        """
        Mean absolute change of luma since the previous frame, 0..255.
        """
    @property
    def entropy(self) -> float:
        """
        Bits of the luma histogram, 0..8.
        """
    @property
    def grid(self) -> numpy.typing.NDArray[numpy.float32]:
        """
        Mean cell Y, Cb, Cr over an even grid of the frame: read-only float32 (18, 32, 3), 0..255.
        """
    @property
    def has_previous(self) -> bool:
        """
        Whether there was a previous frame to compare with.
        """
    @property
    def laplacian_variance(self) -> float:
        """
        Variance of the 4-neighbor Laplacian of luma, levels squared; 0 below 3 x 3.
        """
    @property
    def lightness(self) -> float:
        """
        Mean CIELAB L, 0..100.
        """
    @property
    def luma_histogram(self) -> numpy.typing.NDArray[numpy.uint32]:
        """
        Working px per luma level: read-only uint32 (256,).
        """
    @property
    def luma_mean(self) -> float:
        """
        Mean luma, 0..255.
        """
    @property
    def luma_std(self) -> float:
        """
        Population deviation of luma, 0..127.5.
        """
    @property
    def motion(self) -> float:
        """
        Mean length of the block vectors, working px, 0..about 150.
        """
    @property
    def motion_spread(self) -> float:
        """
        Mean distance of the textured blocks' vectors from the median, working px.
        """
class FrameLayout:
    """
    How the planes of a stream are to be read.
    """
    def __init__(self, width: typing.SupportsInt | typing.SupportsIndex, height: typing.SupportsInt | typing.SupportsIndex, *, chroma_shift_x: typing.SupportsInt | typing.SupportsIndex, chroma_shift_y: typing.SupportsInt | typing.SupportsIndex, bit_depth: typing.SupportsInt | typing.SupportsIndex = 8, msb_shift: typing.SupportsInt | typing.SupportsIndex = 0, chroma: str = 'planar', full_range: bool = False, matrix: str = 'bt709', fields: typing.SupportsInt | typing.SupportsIndex = 1, luma_curve: numpy.typing.NDArray[numpy.uint8] | None = None, cell_lut: numpy.typing.NDArray[numpy.uint8] | None = None) -> None:
        """
        A checked layout; one per stream, another where the picture size changes.
        
        width, height: luma samples and rows of the whole frame, 1..65535.
        chroma_shift_x, chroma_shift_y: log2 of the subsampling, 0..2 (4:2:0 is 1, 1).
        bit_depth: 8 (one byte a sample) or 9..16 (two bytes, little endian).
        msb_shift: unused low bits of a two-byte sample (P010: 6).
        chroma: "planar" (three planes), "interleaved" (two, Cb first) or "none" (one).
        matrix: "bt601", "bt709" or "bt2020"; how cells, after cell_lut, become R'G'B'.
        fields: 2 for interlaced frames, of which only the first field is read.
        luma_curve: uint8 (2**bit_depth,), code value to 0..255 luma, instead of the range expansion.
        cell_lut: uint8 (n, n, n, 3), n 2..65: cell (Y, Cb, Cr), full range, to (Y, Cb, Cr).
        
        Raises FrameError for sizes and depths that cannot be, SettingsError for unknown names.
        """
class SignalMeter:
    """
    Measures the frames of one stream in order.
    """
    def __init__(self, layout: FrameLayout, *, implementation: str = 'auto') -> None:
        """
        A meter that has seen no frame yet.
        
        implementation: "auto" (the fastest for the CPU) or one of implementations("frame_signals").
        Raises SettingsError for one that is not built in, DeviceUnavailable without its device.
        """
    def cells(self) -> numpy.typing.NDArray[numpy.uint8]:
        """
        Cell Y, Cb, Cr of the last frame: uint8 (rows, cols, 3), full range around 128, a copy.
        """
    def measure(self, planes: tuple[typing_extensions.Buffer, ...], pitches: tuple[int, ...]) -> FrameSignals:
        """
        Signals of the frame, compared with the one measured before it.
        
        planes: contiguous buffers (decoder planes, bytes, arrays), read in place with the GIL released.
        pitches: bytes from one row to the next, one per plane; the last row may be shorter.
        Raises FrameError where a plane is missing, too many, short, narrow or misaligned.
        """
    def reset(self) -> None:
        """
        Forget the previous frame, as after a seek.
        """
    def working_luma(self) -> numpy.typing.NDArray[numpy.uint8]:
        """
        Working luma of the last frame: uint8 (rows, cols), a copy. FrameError before the first.
        """
    @property
    def implementation(self) -> str:
        """
        The implementation in use; what "auto" chose.
        """
class TensorFormat:
    """
    How a network wants its pixels.
    """
    def __init__(self, width: typing.SupportsInt | typing.SupportsIndex, height: typing.SupportsInt | typing.SupportsIndex, *, bgr: bool = False, mean: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(3)"] = [0.0, 0.0, 0.0], scale: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(3)"] = [1.0, 1.0, 1.0], fill: typing.SupportsFloat | typing.SupportsIndex = 0.0) -> None:
        """
        Tensors of float32 (3, height, width), value = (code - mean) * scale, codes 0..255.
        
        width, height: 1..16384. bgr: the order of the channels, of mean and of scale.
        fill: code of what lies outside the picture. Checked where it is used.
        """
class CudaStream:
    """
    A queue of work on one CUDA device.
    """
    def __init__(self, device: typing.SupportsInt | typing.SupportsIndex) -> None:
        """
        A stream that no other waits for, nor it for them; destroyed with the object.
        
        device: number, counted as cuda_devices does. Raises DeviceUnavailable without that device.
        """
    def synchronize(self) -> None:
        """
        Wait until all that was queued is done. DeviceUnavailable where any of it failed.
        """
    @property
    def device(self) -> int:
        """
        Number of the device.
        """
    @property
    def handle(self) -> int:
        """
        The cudaStream_t (a CUstream) as an integer, for other libraries.
        """
class DeviceBuffer:
    """
    Bytes in a CUDA device's memory.
    """
    def __init__(self, device: typing.SupportsInt | typing.SupportsIndex, bytes: typing.SupportsInt | typing.SupportsIndex) -> None:
        """
        Memory that is freed with the object, which waits for the work on the device.
        
        bytes: 1 or more; what they are is not set. Raises DeviceOutOfMemory where the device has not as
        many, DeviceUnavailable without that device.
        """
    def copy_from_device(self, address: typing.SupportsInt | typing.SupportsIndex, pitch: typing.SupportsInt | typing.SupportsIndex, row_bytes: typing.SupportsInt | typing.SupportsIndex, rows: typing.SupportsInt | typing.SupportsIndex, stream: CudaStream, offset: typing.SupportsInt | typing.SupportsIndex = 0, to_pitch: typing.SupportsInt | typing.SupportsIndex | None = None) -> None:
        """
        Queue a copy of rows that are in the memory of the same device.
        
        address, pitch: where the first row begins, and the bytes from one to the next. offset, to_pitch:
        the same in this buffer; without to_pitch the rows lie there without gaps. Both memories are to
        stay until the stream is done. Raises FrameError for rows that do not fit.
        """
    def copy_from_host(self, data: typing_extensions.Buffer, stream: CudaStream, offset: typing.SupportsInt | typing.SupportsIndex = 0) -> None:
        """
        Copy a contiguous buffer here, from byte `offset` on; waits for the stream.
        """
    def to_host(self, stream: CudaStream, offset: typing.SupportsInt | typing.SupportsIndex, pitch: typing.SupportsInt | typing.SupportsIndex, row_bytes: typing.SupportsInt | typing.SupportsIndex, rows: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.uint8]:
        """
        Rows of this buffer: uint8 (rows, row_bytes), a copy; waits for the stream.
        
        Raises FrameError for rows that do not lie in it.
        """
    @property
    def address(self) -> int:
        """
        Device address of the first byte.
        """
    @property
    def bytes(self) -> int:
        """
        Size.
        """
class DeviceSignalMeter:
    """
    Measures the frames of one stream, in a CUDA device's memory, in order.
    """
    def __init__(self, layout: FrameLayout, *, device: typing.SupportsInt | typing.SupportsIndex, stream: CudaStream, batch: typing.SupportsInt | typing.SupportsIndex = 32) -> None:
        """
        A meter that has seen no frame yet; the results are those of SignalMeter, bit for bit.
        
        device: the frames' and the stream's. batch: frames that are measured together, 1..256, for each
        of which a few hundred KB of device memory are kept.
        Raises SettingsError for other batches and devices, DeviceOutOfMemory where they do not fit.
        """
    def cells(self) -> numpy.typing.NDArray[numpy.uint8]:
        """
        Cell Y, Cb, Cr of the last frame: uint8 (rows, cols, 3), full range around 128, a copy.
        """
    def measure(self, frames: collections.abc.Sequence[tuple[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]]]) -> list[FrameSignals]:
        """
        Signals of each frame, compared with the one before it, also that of the last call.
        
        frames: for each the device addresses of its planes, and their pitches (bytes from one row to the
        next). The pixels are read on the meter's stream, and no longer once this returns: it waits once
        for every `batch` frames, with the GIL released.
        Raises FrameError for planes that do not fit the layout; DeviceUnavailable where CUDA fails, after
        which the next frame has no previous one.
        """
    def reset(self) -> None:
        """
        Forget the previous frame, as after a seek.
        """
    def working_luma(self) -> numpy.typing.NDArray[numpy.uint8]:
        """
        Working luma of the last frame: uint8 (rows, cols), a copy. FrameError before the first.
        """
def build_info() -> dict[str, typing.Any]:
    """
    How the core was built and what it runs on.
    
    Keys: compiler (str), simd (instruction set in use, str), cuda (bool), cuda_architectures (str).
    """
def cuda_devices() -> list[dict[str, typing.Any]]:
    """
    The CUDA devices by their number; [] without a driver, or in a build without CUDA.
    
    Keys: name (str), compute_capability ((major, minor)), total_bytes and free_bytes (int; 0 free where
    the device does not say). Starts CUDA on each device, which takes a moment and some of its memory.
    """
def decode_picodet(scores: list[numpy.typing.NDArray[numpy.float32]], boxes: list[numpy.typing.NDArray[numpy.float32]], width: typing.SupportsInt | typing.SupportsIndex, height: typing.SupportsInt | typing.SupportsIndex, strides: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], threshold: typing.SupportsFloat | typing.SupportsIndex, iou: typing.SupportsFloat | typing.SupportsIndex, *, every_class: bool = False) -> numpy.typing.NDArray[numpy.float32]:
    """
    Objects out of PicoDet's outputs for one picture: float32 (k, 6), best first.
    
    Columns: x0, y0, x1, y1 in px of the tensor, score, class.
    scores: per stride float32 (cells, classes); boxes: per stride float32 (cells, 4 * steps), for
    left, top, right, bottom a distribution over 0..steps-1 strides, before the softmax.
    threshold, iou, every_class: as for decode_yolox.
    Raises FrameError where an output has another size, SettingsError for shares outside 0..1.
    """
def decode_yolox(output: numpy.typing.NDArray[numpy.float32], width: typing.SupportsInt | typing.SupportsIndex, height: typing.SupportsInt | typing.SupportsIndex, strides: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], threshold: typing.SupportsFloat | typing.SupportsIndex, iou: typing.SupportsFloat | typing.SupportsIndex, *, every_class: bool = False) -> numpy.typing.NDArray[numpy.float32]:
    """
    Objects out of YOLOX's output for one picture: float32 (k, 6), best first.
    
    Columns: x0, y0, x1, y1 in px of the tensor, score, class.
    output: float32 (cells, 5 + classes), cells row by row, stride after stride. threshold, iou: 0..1;
    suppression is by class. every_class: a cell may give a box for each class that reaches the
    threshold, not only for its best one.
    Raises FrameError where the output has another size, SettingsError for shares outside 0..1.
    """
def decode_yunet(outputs: list[numpy.typing.NDArray[numpy.float32]], width: typing.SupportsInt | typing.SupportsIndex, height: typing.SupportsInt | typing.SupportsIndex, threshold: typing.SupportsFloat | typing.SupportsIndex, iou: typing.SupportsFloat | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float32]:
    """
    Faces out of YuNet's outputs for one picture: float32 (k, 15), best first.
    
    Columns: x0, y0, x1, y1, score, then x and y of left eye, right eye, nose, left and right mouth
    corner (left and right in the picture), in px of the tensor.
    outputs: 12 float32 arrays: cls of the strides 8, 16, 32, then obj, bbox, kps alike; leading axes
    of length 1 are ignored. width, height: of the tensor, px. threshold, iou: 0..1.
    Raises FrameError where an output has another size, SettingsError for shares outside 0..1.
    """
def fit_device(layout: FrameLayout, frames: collections.abc.Sequence[tuple[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]]], regions: collections.abc.Sequence[typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(4)"]], sizes: collections.abc.Sequence[typing.Annotated[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(2)"]], format: TensorFormat, *, quarter_turns: typing.SupportsInt | typing.SupportsIndex = 0, mirrored: bool = False, filter: str = 'area', out: typing.SupportsInt | typing.SupportsIndex, stream: CudaStream) -> None:
    """
    Tensors of regions of frames in device memory, queued on the stream; the bits of fit_planes.
    
    frames: as DeviceSignalMeter.measure takes them, one for each tensor, all of the layout.
    regions, sizes: for each tensor, as fit_planes takes them. quarter_turns, mirrored, filter: for all.
    out: device address of float32 (n, 3, format.height, format.width), all of which is written.
    Returns before it is done: frames and tensors are to stay until the stream is. The host waits only
    where the stream's tables grow, or several calls have not begun.
    Raises FrameError for planes, regions and sizes that cannot be, SettingsError for unknown names,
    DeviceUnavailable where CUDA fails.
    """
def fit_planes(layout: FrameLayout, planes: tuple[typing_extensions.Buffer, ...], pitches: tuple[int, ...], region: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(4)"], size: typing.Annotated[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(2)"], format: TensorFormat, *, quarter_turns: typing.SupportsInt | typing.SupportsIndex = 0, mirrored: bool = False, filter: str = 'area', implementation: str = 'auto') -> numpy.typing.NDArray[numpy.float32]:
    """
    Tensor of a region of a frame: float32 (3, format.height, format.width).
    
    planes, pitches: as SignalMeter.measure takes them; the GIL is released.
    region: x0, y0, x1, y1 in luma samples of the stored frame, continuous; it may reach beyond it.
    size: (width, height) of the part of the tensor, at the top left, that the region fills after
    `quarter_turns` clockwise and, if `mirrored`, a flip left to right. All else is format.fill.
    filter: "area" (means where it reduces, linear where it enlarges) or "cubic".
    implementation: "auto" or one of implementations("letterbox").
    Raises FrameError for planes, regions and sizes that cannot be, SettingsError for unknown names.
    """
def fit_rgb(rgb: numpy.typing.NDArray[numpy.uint8], region: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(4)"], size: typing.Annotated[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(2)"], format: TensorFormat, *, filter: str = 'area', implementation: str = 'auto') -> numpy.typing.NDArray[numpy.float32]:
    """
    Tensor of a region of uint8 (height, width, 3) RGB; everything else as in fit_planes.
    """
def fit_rgb_device(layout: FrameLayout, planes: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], pitches: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], region: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(4)"], size: typing.Annotated[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(2)"], *, quarter_turns: typing.SupportsInt | typing.SupportsIndex = 0, mirrored: bool = False, filter: str = 'area', stream: CudaStream) -> numpy.typing.NDArray[numpy.uint8]:
    """
    Region of a frame in device memory as RGB on the host: uint8 (height, width, 3).
    
    planes, pitches: device addresses and bytes from one row to the next. region, size, quarter_turns,
    mirrored, filter: as in fit_planes; codes rounded to the nearest, halves to even; black outside the
    picture. Only the result is downloaded; waits for the stream, with the GIL released.
    Raises what fit_device does.
    """
def implementations(operation: str) -> list[str]:
    """
    Names of the implementations built in, the plain truth first.
    
    operation: "frame_signals" or "letterbox". Raises SettingsError for another.
    """
def nms(boxes: numpy.typing.NDArray[numpy.float32], scores: numpy.typing.NDArray[numpy.float32], iou: typing.SupportsFloat | typing.SupportsIndex, classes: numpy.typing.NDArray[numpy.int32] | None = None) -> numpy.typing.NDArray[numpy.int64]:
    """
    Indices of the boxes that stay, best first: int64 (k,).
    
    boxes: float32 (n, 4), x0, y0, x1, y1; scores: float32 (n,); classes: int32 (n,) or None.
    A box goes where a better one of its class that stays overlaps it by more than `iou` (0..1); of
    equal scores the first is the better. Raises FrameError for shapes that do not fit and scores
    that are NaN, SettingsError for an iou outside 0..1.
    """
def warp_device(layout: FrameLayout, frames: collections.abc.Sequence[tuple[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]]], matrices: numpy.typing.NDArray[numpy.float64], format: TensorFormat, *, out: typing.SupportsInt | typing.SupportsIndex, stream: CudaStream) -> None:
    """
    Tensors that look at frames in device memory through matrices; the bits of warp_planes.
    
    matrices: float64 (n, 2, 3), each as warp_planes takes it. Everything else as in fit_device.
    """
def warp_planes(layout: FrameLayout, planes: tuple[typing_extensions.Buffer, ...], pitches: tuple[int, ...], matrix: numpy.typing.NDArray[numpy.float64], format: TensorFormat, *, implementation: str = 'auto') -> numpy.typing.NDArray[numpy.float32]:
    """
    Tensor that looks at a frame through a matrix: float32 (3, format.height, format.width).
    
    matrix: float64 (2, 3), tensor px to luma samples of the stored frame, both continuous. Reduced
    pictures are averaged first; outside is format.fill, mixed in softly along the edge.
    Raises FrameError for planes and matrices that cannot be, SettingsError for unknown names.
    """
def warp_rgb(rgb: numpy.typing.NDArray[numpy.uint8], matrix: numpy.typing.NDArray[numpy.float64], format: TensorFormat, *, implementation: str = 'auto') -> numpy.typing.NDArray[numpy.float32]:
    """
    Tensor that looks at uint8 (height, width, 3) RGB; everything else as in warp_planes.
    """

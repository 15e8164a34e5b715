"""
The compiled core: signals of frames out of their pixel planes.
"""
from __future__ import annotations
import numpy
import numpy.typing
import typing
import typing_extensions
__all__: list[str] = ['FrameLayout', 'FrameSignals', 'SignalMeter', 'build_info', 'implementations']
class FrameSignals:
    """
    What was measured of one frame.
    
    Luma is working luma, full range 0..255; "working px" are pixels of the reduced picture
    (short side about 360). Fields that compare with the previous frame are 0 without one.
    """
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
def build_info() -> dict[str, typing.Any]:
    """
    How the core was built and what it runs on.
    
    Keys: compiler (str), simd (instruction set in use, str), cuda (bool), cuda_architectures (str).
    """
def implementations(operation: str) -> list[str]:
    """
    Names of the implementations built in, the plain truth first.
    
    operation: "frame_signals". Raises SettingsError for another.
    """

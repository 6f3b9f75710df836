"""Peak memory of the fits that `compare` has timed."""

from collections.abc import Sequence

from benchmarks.compare import Timings
from benchmarks.report import megabytes, ratio, table

TARGET = 4.0
NOTE = (
    "Peak: highest resident memory during the first fit less that of the process before the frame was loaded, so it "
    "holds the frame itself. Frame: `memory_usage(deep=True)` or `object.size`; resident: by how much the process grew "
    "when the frame was loaded."
)


def memory_table(measured: Sequence[Timings]) -> str:
    """Peak memory of each package as a multiple of its input frame."""
    rows = []
    for timings in measured:
        if not timings.replies:
            continue
        sizes = timings.description
        peak, loaded = timings.replies[0]["peak"] - sizes["before"], sizes["loaded"] - sizes["before"]
        share = peak / sizes["frame"]
        target = f"< {TARGET:g}: {'met' if share < TARGET else 'missed'}" if timings.run.package == "limeform" else ""
        name, frame = timings.run.label, megabytes(sizes["frame"])
        rows.append([name, frame, megabytes(loaded), megabytes(peak), ratio(share), ratio(peak / loaded), target])
    header = ["package", "frame", "resident", "peak", "peak / frame", "peak / resident", "target"]
    return table(header, rows) + "\n\n" + NOTE

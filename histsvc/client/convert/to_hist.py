"""A histogram as scikit-hep's ``hist.Hist``. Needs hist (`histsvc[hist]`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from histsvc.errors import needs

if TYPE_CHECKING:
    from hist import Hist as Hist

    from histsvc.client.received import Histogram


def to_hist(histogram: Histogram) -> Hist[Any]:
    """Axes of variable width with exactly these edges, without flow bins; unit in label and metadata.

    Integers are stored as Int64, else Double. Raises MissingExtraError.
    """
    with needs("hist", "hist", "to_hist()"):
        import hist

    axes = [
        hist.axis.Variable(
            axis.edges,
            name=name,
            label=f"{axis.label} [{axis.unit}]" if axis.unit else axis.label,
            metadata={"unit": axis.unit},
            flow=False,
        )
        for name, axis in zip(histogram.dims, histogram.axes, strict=True)
    ]
    counts = np.asarray(histogram.counts)
    storage = hist.storage.Int64() if counts.dtype.kind in "iu" else hist.storage.Double()
    return hist.Hist(*axes, storage=storage, name=histogram.id, label="counts", data=counts)

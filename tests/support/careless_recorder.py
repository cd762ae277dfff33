"""The recorder, but its exports are written without the guard (`careless_worker.py`)."""

from __future__ import annotations

from typing import Any

from gatewayd.dvr.media import __main__ as media
from gatewayd.dvr.media.recorder import Recorder


class CarelessRecorder(Recorder):
    """A muxer abort kills its export workers."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, export_worker="tests.support.careless_worker", **options)


if __name__ == "__main__":
    vars(media)["Recorder"] = CarelessRecorder
    media.main()

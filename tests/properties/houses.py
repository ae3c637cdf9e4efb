"""Houses by the dozen: each a copy of one that was installed once at T0."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from inquiries import settings as settings_module
from inquiries.services import installation
from inquiries.services.house import House, open_house
from tests.moments import at


@cache
def _template() -> tempfile.TemporaryDirectory[str]:
    """Removed when this process ends."""
    directory = tempfile.TemporaryDirectory(prefix="inquiries-template-")
    with at():
        settings = settings_module.load(instance=Path(directory.name) / "instance")
        installation.install(settings).house.close()
    return directory


@contextmanager
def fresh() -> Iterator[House]:
    """A house as it was at T0."""
    with tempfile.TemporaryDirectory(prefix="inquiries-house-") as directory:
        instance = Path(directory) / "instance"
        shutil.copytree(Path(_template().name) / "instance", instance)
        house = open_house(settings_module.load(instance=instance))
        try:
            yield house
        finally:
            house.close()

"""Start from packed libraries: unpacked they are too large for the deployment, so they travel as one zip file."""

import hashlib
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile


def activate(bundle: Path) -> Path:
    """Unpack `bundle` into the temporary folder, once, and import from there before anywhere else."""
    target = Path(tempfile.gettempdir()) / f"token-counter-{hashlib.sha256(bundle.read_bytes()).hexdigest()[:12]}"
    if not target.exists():
        with ZipFile(bundle) as archive:
            archive.extractall(target)
    sys.path.insert(0, str(target))
    return target

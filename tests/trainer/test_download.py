"""A download is what it should be, of the size that it should have, from whom it should be."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import urllib.request
from http.client import HTTPMessage
from pathlib import Path

import pytest
from helpers.web import serving

from metabit.errors import CorruptError, StorageError
from metabit.trainer.data import cifar, idx_sets
from metabit.trainer.data.addresses import SafeRedirects, is_safe
from metabit.trainer.data.download import Contents, download

ANYTHING = Contents(1 << 20, "00")
WHOLE = b"what is fetched" * 100
CONTENTS = Contents(len(WHOLE), hashlib.sha256(WHOLE).hexdigest())


@pytest.fixture
def www(tmp_path: Path) -> Path:
    folder = tmp_path / "www"
    folder.mkdir()
    (folder / "whole.gz").write_bytes(gzip.compress(WHOLE))
    return folder


def fetch(tmp_path: Path, url: str, contents: Contents | str = CONTENTS) -> bytes:
    """The file as it was fetched; nothing else is left, or nothing where it is refused."""
    folder = tmp_path / "fetched"
    try:
        download(url, folder / "target.gz", contents)
    except (CorruptError, StorageError):
        assert not folder.exists() or list(folder.iterdir()) == []
        raise
    assert [path.name for path in folder.iterdir()] == ["target.gz"]
    return gzip.decompress((folder / "target.gz").read_bytes())


def test_what_is_as_it_should_be_is_kept(tmp_path: Path, www: Path) -> None:
    with serving(www) as url:
        assert fetch(tmp_path, f"{url}whole.gz") == WHOLE


@pytest.mark.parametrize(
    "url",
    ["file:///etc/hostname", "http://example.org/x.gz", "ftp://127.0.0.1/x.gz", "whole.gz",
     "https:///x.gz", "data:,x", "http://localhost.example.org/x.gz"],
)  # fmt: skip
def test_only_https_and_this_machine_are_asked(tmp_path: Path, url: str) -> None:
    with pytest.raises(StorageError, match="https") as refused:
        fetch(tmp_path, url)
    assert refused.value.code == "E-FETCH"


@pytest.mark.parametrize(
    "to", ["file:///etc/hostname", "ftp://127.0.0.1/x", "HERE", "//", "data:,"]
)
def test_a_redirect_leads_to_https_or_nowhere(tmp_path: Path, www: Path, to: str) -> None:
    leads = {"away.gz": to}
    with serving(www, leads) as url:
        leads["away.gz"] = f"{url}whole.gz" if to == "HERE" else to
        with pytest.raises(StorageError) as refused:
            fetch(tmp_path, f"{url}away.gz")
    assert refused.value.code == "E-FETCH"


def test_a_redirect_to_https_is_followed() -> None:
    first = urllib.request.Request("https://example.org/x.gz")
    answer = io.BytesIO()
    then = SafeRedirects().redirect_request(
        first, answer, 302, "Found", HTTPMessage(), "https://example.com/y.gz"
    )
    assert then is not None
    assert then.full_url == "https://example.com/y.gz"


def test_no_connection_is_a_storage_error_that_names_the_address(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nothing\.gz"):
        fetch(tmp_path, "http://127.0.0.1:1/nothing.gz")


def test_what_is_not_gzip_is_refused(tmp_path: Path, www: Path) -> None:
    (www / "page.gz").write_text("<html>sign in to this network</html>")
    with serving(www) as url, pytest.raises(CorruptError, match="damaged gzip"):
        fetch(tmp_path, f"{url}page.gz", ANYTHING)


@pytest.mark.parametrize("n_bytes", [80_000, 300_000])
def test_more_than_the_file_has_is_cut_off(tmp_path: Path, www: Path, n_bytes: int) -> None:
    """As it comes, or when it is unpacked."""
    content = os.urandom(n_bytes) if n_bytes == 80_000 else gzip.compress(bytes(n_bytes))
    (www / "page.gz").write_bytes(content)
    with serving(www) as url, pytest.raises(CorruptError, match="which this file does not have"):
        fetch(tmp_path, f"{url}page.gz")


def test_where_the_size_is_not_known_a_checksum_is_enough_up_to_a_limit(
    tmp_path: Path, www: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(www) as url:
        assert fetch(tmp_path, f"{url}whole.gz", CONTENTS.sha256) == WHOLE
        shutil.rmtree(tmp_path / "fetched")
        monkeypatch.setattr("metabit.trainer.data.download.LARGEST_BYTES", len(WHOLE) - 1)
        with pytest.raises(CorruptError, match="which this file does not have"):
            fetch(tmp_path, f"{url}whole.gz", CONTENTS.sha256)


def test_the_known_sets_come_by_https_and_their_sizes_are_those_of_their_contents() -> None:
    assert all(is_safe(known.url) for known in idx_sets.SETS.values())
    assert is_safe(cifar.URL)
    for known in idx_sets.SETS.values():
        assert set(known.sha256) == set(idx_sets.UNPACKED_BYTES)
    sizes = idx_sets.UNPACKED_BYTES.items()
    pictures = [n_bytes - 16 for name, n_bytes in sizes if "images" in name]
    labels = [n_bytes - 8 for name, n_bytes in sizes if "labels" in name]
    assert pictures == [60_000 * 28 * 28, 10_000 * 28 * 28]
    assert labels == [60_000, 10_000]

"""Fetching files so that a learner never meets half a file: mirror first, several addresses, retries, verification.

A file that stands at its destination is whole and verified: it is written beside it under a temporary name, looked at,
and only then renamed.
"""

import hashlib
import http.client
import ssl
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from course_utils.runtime import atomic_write, given_path, is_offline, progress_bar, say, setting

CHUNK_BYTES = 1 << 18
# Answers that may be different a moment later: time-out, too many requests, and the server's own troubles.
PASSING_STATUS = {408, 425, 429, 500, 502, 503, 504}


class DownloadError(RuntimeError):
    """A file could not be had; the message names it, its destination, every address tried, and what to do."""


class _AttemptFailed(Exception):
    """One attempt at one address failed; `passing` says whether the same address is worth another attempt."""

    def __init__(self, reason: str, *, passing: bool = False):
        super().__init__(reason)
        self.passing = passing


def download(
    addresses: str | Sequence[str],
    destination: str | Path,
    *,
    sha256: str | None = None,
    size: int | None = None,
    check: Callable[[Path], None] | None = None,
    attempts: int = 3,
    timeout: float = 30.0,
    sleep: Callable[[float], None] = time.sleep,
    progress: bool = True,
) -> Path:
    """Fetch a file from the first of `addresses` that gives it whole, and return `destination`.

    A file that already stands at `destination` and passes the checks is returned at once, without a network.
    `COURSE_MIRROR` is asked before `addresses`, under the destination's file name: a folder (a USB stick, a network
    drive) or an http(s) address. `COURSE_OFFLINE=1` refuses every http(s) address at once, the mirror's included;
    a mirror *folder* is no network and stays allowed.

    Args:
        addresses: one or several http(s) addresses of the same file, best first.
        destination: the file to write; its folder is made. Nothing is written there before the checks have passed.
        sha256: hexadecimal digest that the file must have.
        size: length that the file must have, in bytes. A `.zip` must besides be readable as an archive.
        check: called with the path of the temporary file; raises ValueError that says what is wrong with it.
        attempts: how often each address is asked while it fails in a way that may pass (time-out, lost connection,
            truncation, HTTP 429 or 5xx). HTTP 403, 404 or a wrong file move on to the next address at once.
        timeout: seconds of silence after which a connection counts as stalled.
        sleep: waits between attempts, 1 s, 2 s, 4 s, ...; tests pass their own.
        progress: show a progress bar, and a line when the next address is tried.

    Raises:
        DownloadError: no address gave the file.
        ValueError: an address that is not http(s).
        OSError: `destination` cannot be written (a full disk, no permission).
    """
    destination = given_path(destination, kind="file")
    addresses = [addresses] if isinstance(addresses, str) else list(addresses)
    for address in addresses:
        if not _is_http(address):
            raise ValueError(f"{address!r} is no http or https address; a folder of files goes into COURSE_MIRROR.")
    verify = partial(_verify, name=destination.name, sha256=sha256, size=size, check=check)

    failures: list[tuple[str, str]] = []
    if destination.exists():
        try:
            verify(destination)
            return destination
        except _AttemptFailed as failure:
            failures.append((str(destination), f"the file that stands there is not the right one: {failure}"))
        except OSError as error:
            failures.append((str(destination), f"the file that stands there cannot be read: {error.strerror or error}"))

    for address in _mirror_address(destination.name) + addresses:
        if failures and progress and not is_offline():
            say(f"{failures[-1][0]}: {failures[-1][1]}; trying {address}")
        for attempt in range(attempts):
            try:
                with atomic_write(destination) as temporary:
                    _fetch(address, temporary, description=destination.name, timeout=timeout, progress=progress)
                    verify(temporary)
                return destination
            except _AttemptFailed as failure:
                if failure.passing and attempt + 1 < attempts:
                    sleep(2.0**attempt)
                    continue
                failures.append((address, str(failure)))
                break
    raise DownloadError(_explain(destination, failures))


def _is_http(address: str) -> bool:
    return address.lower().startswith(("http://", "https://"))


def _mirror_address(name: str) -> list[str]:
    """Where `COURSE_MIRROR` would keep the file `name`: one address, or none where no mirror is set."""
    mirror = setting("COURSE_MIRROR")
    if not mirror:
        return []
    return [f"{mirror.rstrip('/')}/{quote(name)}" if _is_http(mirror) else str(Path(mirror).expanduser() / name)]


def _open(address: str, *, timeout: float) -> tuple[BinaryIO, int | None]:
    """Return a stream of the file at a web address or path, and its length in bytes (None where it is not told)."""
    if not _is_http(address):
        size = Path(address).stat().st_size
        return Path(address).open("rb"), size
    if is_offline():
        raise _AttemptFailed("COURSE_OFFLINE=1 forbids the network")
    # Some hosts refuse Python's own name; no compression, so that Content-Length counts the bytes that arrive.
    request = Request(address, headers={"User-Agent": "course-utils", "Accept-Encoding": "identity"})
    response = urlopen(request, timeout=timeout)
    if response.headers.get_content_type() == "text/html":
        response.close()
        raise _AttemptFailed("a web page came instead of the file: a log-in page, a proxy or a moved file?")
    length = response.headers.get("Content-Length", "")
    return response, int(length) if length.isdigit() else None


@contextmanager
def _reading(timeout: float) -> Iterator[None]:
    """Turn whatever goes wrong while an address is read into _AttemptFailed, so that the next one is tried."""
    try:
        yield
    except HTTPError as error:
        error.close()
        raise _AttemptFailed(f"HTTP {error.code} {error.reason}", passing=error.code in PASSING_STATUS) from error
    except (ValueError, http.client.InvalidURL) as error:
        raise _AttemptFailed(f"this is no address that can be asked: {error}") from error
    except (URLError, TimeoutError, ConnectionError, ssl.SSLError, http.client.HTTPException) as error:
        raise _network_failure(error, timeout) from error
    except FileNotFoundError as error:
        raise _AttemptFailed("there is no such file") from error
    except OSError as error:  # a folder of that name, no permission, a USB stick that is damaged or was pulled out
        raise _AttemptFailed(f"it cannot be read: {error.strerror or error}") from error


def _fetch(address: str, target: Path, *, description: str, timeout: float, progress: bool) -> None:
    """Copy the file at `address` to `target`. Raises _AttemptFailed; a full disk is the caller's to see as OSError."""
    with _reading(timeout):
        stream, total = _open(address, timeout=timeout)
    bar = progress_bar(description=description, show=progress, total=total, unit="B", unit_scale=True)
    with stream, target.open("wb") as file, bar:
        while True:
            with _reading(timeout):
                chunk = stream.read(CHUNK_BYTES)
            if not chunk:
                break
            file.write(chunk)
            bar.update(len(chunk))
        received = file.tell()
    if total is not None and received < total:
        raise _AttemptFailed(f"the connection ended after {received:,} of {total:,} bytes", passing=True)


def _network_failure(error: Exception, timeout: float) -> _AttemptFailed:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return _AttemptFailed(f"nothing came for {timeout:g} s", passing=True)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _AttemptFailed(
            f"the server's certificate is not trusted ({cause.verify_message}): on macOS run Python's "
            "'Install Certificates.command'; behind a filtering proxy ask whoever runs it"
        )
    return _AttemptFailed(f"{type(cause).__name__}: {cause}", passing=True)


def _verify(
    path: Path, *, name: str, sha256: str | None, size: int | None, check: Callable[[Path], None] | None
) -> None:
    """Raise _AttemptFailed unless the file at `path`, to be called `name`, is the one that is wanted."""
    if size is not None and path.stat().st_size != size:
        raise _AttemptFailed(f"it has {path.stat().st_size:,} bytes instead of {size:,}")
    if name.lower().endswith(".zip") and not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            raise _AttemptFailed(f"it is not a whole zip archive (it begins with {file.read(16)!r})")
    if sha256 is not None:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != sha256.lower():
            raise _AttemptFailed(f"its SHA-256 is {digest} instead of {sha256}")
    if check is not None:
        try:
            check(path)
        except ValueError as error:
            raise _AttemptFailed(str(error)) from error


def _explain(destination: Path, failures: list[tuple[str, str]]) -> str:
    tried = "\n".join(f"  {address}\n    {reason}" for address, reason in failures)
    ways_out = [
        "check the connection and try again (nothing half-done is left behind)",
        f"fetch the file in a browser and save it as {destination}",
        f"set COURSE_MIRROR to a folder or http address that holds {destination.name}",
    ]
    if is_offline():
        ways_out[0] = "allow the network by unsetting COURSE_OFFLINE"
    return (
        f"Could not get {destination.name} for {destination}. Tried:\n{tried or '  no address'}\n"
        f"What to do, one of:\n" + "\n".join(f"  - {way}" for way in ways_out)
    )
